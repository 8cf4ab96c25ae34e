// Who is on the other end: a cookie leads to a session, a session to a cart and, after login, to an account.

import { randomUUID } from "node:crypto";

import { Refusal } from "./refusal.js";

export class Sessions {
  #carts;
  #byToken = new Map();

  constructor(carts) {
    this.#carts = carts;
  }

  /** The session of this token, or a new one with an empty guest cart. */
  open(token) {
    const known = this.#byToken.get(token);
    if (known) return known;
    const session = { token: randomUUID(), account: undefined, cart: this.#carts.create() };
    this.#byToken.set(session.token, session);
    return session;
  }

  /** Signs in: what the guest had in the cart is added to the cart of the account. */
  signIn(session, account) {
    const cart = this.#carts.ofAccount(account.email);
    this.#carts.merge(cart, session.cart);
    session.account = account;
    session.cart = cart;
  }

  signOut(session) {
    session.account = undefined;
    session.cart = this.#carts.create();
  }
}

export function requireAccount(session) {
  if (!session.account) throw new Refusal(401, "sign_in_first", "Please sign in first.");
  return session.account;
}

export function requireAdmin(session) {
  const account = requireAccount(session);
  if (account.role !== "admin") throw new Refusal(403, "not_allowed", "Only the shop's staff may do that.");
  return account;
}
