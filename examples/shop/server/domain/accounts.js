// Accounts and their passwords. Passwords are kept as salted hashes even here: it is what people copy from examples.

import { randomBytes, scryptSync, timingSafeEqual } from "node:crypto";

import { conflict, invalid, Refusal } from "../refusal.js";

const MIN_PASSWORD = 8;
const SCRYPT_COST = { N: 1024 };

export class Accounts {
  #byEmail = new Map();

  constructor(seed) {
    for (const account of seed) this.#add(account);
  }

  register({ email, name, password }) {
    const address = String(email ?? "").trim().toLowerCase();
    if (!/^\S+@\S+\.\S+$/.test(address)) throw invalid("Please give a valid e-mail address.");
    if (!String(name ?? "").trim()) throw invalid("Please give a name.");
    if (String(password ?? "").length < MIN_PASSWORD) throw invalid(`A password has at least ${MIN_PASSWORD} characters.`);
    if (this.#byEmail.has(address)) throw conflict("email_taken", "There is already an account with this address.");
    return this.#add({ email: address, name: String(name).trim(), password, role: "customer" });
  }

  signIn({ email, password }) {
    const account = this.#byEmail.get(String(email ?? "").trim().toLowerCase());
    const given = hash(String(password ?? ""), account?.salt ?? "none");
    if (!account || !timingSafeEqual(given, account.passwordHash)) {
      throw new Refusal(401, "wrong_credentials", "E-mail or password is wrong.");
    }
    return account;
  }

  change(account, { name, address }) {
    if (name !== undefined) {
      if (!String(name).trim()) throw invalid("Please give a name.");
      account.name = String(name).trim();
    }
    if (address !== undefined) account.address = String(address).trim();
    return account;
  }

  #add({ email, name, password, role }) {
    const salt = randomBytes(8).toString("hex");
    const account = { email, name, role, address: "", salt, passwordHash: hash(password, salt) };
    this.#byEmail.set(email, account);
    return account;
  }
}

/** What may leave the shop: everything but the password. */
export const publicAccount = ({ email, name, role, address }) => ({ email, name, role, address });

function hash(password, salt) {
  return scryptSync(password, salt, 32, SCRYPT_COST);
}
