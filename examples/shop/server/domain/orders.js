// Orders and their way through the shop: received → paid → packed → shipped, or cancelled before that.
//
// Received and paid take `processingMs` each. The state is worked out from the time that has passed, so there are no
// timers to clean up; only shipping and cancelling are written down.

import { conflict, invalid, notFound, Refusal } from "../refusal.js";

const DECLINED_CARD = "4000000000000002";

export class Orders {
  #catalogue;
  #processingMs;
  #orders = [];

  constructor(catalogue, processingMs) {
    this.#catalogue = catalogue;
    this.#processingMs = processingMs;
  }

  /** Takes the order, and the goods out of stock: all lines or none. */
  place(account, cartView, { address, card }) {
    if (cartView.lines.length === 0) throw conflict("empty_cart", "Your cart is empty.");
    if (!String(address ?? "").trim()) throw invalid("Please give a delivery address.");
    const digits = String(card ?? "").replaceAll(" ", "");
    if (!/^\d{16}$/.test(digits)) throw invalid("A card number has 16 digits.");
    if (digits === DECLINED_CARD) throw new Refusal(402, "card_declined", "Your bank declined the card.");
    for (const { productId, quantity } of cartView.lines) {
      const { name, stock } = this.#catalogue.find(productId);
      if (stock < quantity) throw conflict("out_of_stock", `Only ${stock} of ${name} left.`);
    }

    const number = String(1001 + this.#orders.length);
    for (const { productId, quantity } of cartView.lines) this.#catalogue.move(productId, -quantity, `order ${number}`);
    const order = { number, email: account.email, address: String(address).trim(), ...cartView };
    this.#orders.push({ ...order, placedAt: Date.now(), outcome: undefined });
    return this.find(number);
  }

  find(number) {
    const order = this.#orders.find((candidate) => candidate.number === number);
    if (!order) throw notFound("order");
    return this.#view(order);
  }

  ofAccount(email) {
    return this.all().filter((order) => order.email === email);
  }

  /** All orders, the newest first. */
  all() {
    return this.#orders.map((order) => this.#view(order)).reverse();
  }

  ship(number) {
    const order = this.find(number);
    if (order.state !== "packed") throw conflict("not_packed", `Order ${number} is ${order.state}, not packed.`);
    return this.#end(number, "shipped");
  }

  cancel(number) {
    const order = this.find(number);
    if (order.state === "shipped") throw conflict("already_shipped", "That order is already on its way.");
    if (order.state === "cancelled") throw conflict("already_cancelled", "That order is already cancelled.");
    for (const { productId, quantity } of order.lines) {
      this.#catalogue.move(productId, quantity, `order ${number} cancelled`);
    }
    return this.#end(number, "cancelled");
  }

  #end(number, outcome) {
    this.#orders.find((order) => order.number === number).outcome = outcome;
    return this.find(number);
  }

  #view({ outcome, ...order }) {
    return { ...order, state: outcome ?? this.#stateByTime(Date.now() - order.placedAt) };
  }

  #stateByTime(ageMs) {
    if (ageMs < this.#processingMs) return "received";
    return ageMs < 2 * this.#processingMs ? "paid" : "packed";
  }
}
