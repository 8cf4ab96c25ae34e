// How the shop says no.

/** A refusal with a status, a code for programs and a sentence for people. */
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const notFound = (what) => new Refusal(404, "not_found", `There is no such ${what}.`);
export const invalid = (message) => new Refusal(422, "invalid", message);
export const conflict = (code, message) => new Refusal(409, code, message);
