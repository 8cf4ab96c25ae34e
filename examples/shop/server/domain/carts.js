// Carts of guests and of accounts, and what they cost.

import { conflict, invalid } from "../refusal.js";
import { VOUCHERS } from "../seed.js";

const SHIPPING_CENTS = 490;
const FREE_SHIPPING_FROM_CENTS = 5000;
const MAX_PER_PRODUCT = 20;

export class Carts {
  #catalogue;
  #ofAccounts = new Map();

  constructor(catalogue) {
    this.#catalogue = catalogue;
  }

  create() {
    return { quantities: new Map(), voucher: undefined };
  }

  ofAccount(email) {
    if (!this.#ofAccounts.has(email)) this.#ofAccounts.set(email, this.create());
    return this.#ofAccounts.get(email);
  }

  set(cart, productId, quantity) {
    const product = this.#catalogue.listed(productId);
    if (!Number.isInteger(quantity) || quantity < 0 || quantity > MAX_PER_PRODUCT) {
      throw invalid(`A quantity is a whole number from 0 to ${MAX_PER_PRODUCT}.`);
    }
    if (quantity > product.stock) throw conflict("out_of_stock", `Only ${product.stock} of ${product.name} left.`);
    if (quantity === 0) cart.quantities.delete(productId);
    else cart.quantities.set(productId, quantity);
  }

  redeem(cart, code) {
    const voucher = String(code ?? "").trim().toUpperCase();
    if (!Object.hasOwn(VOUCHERS, voucher)) throw invalid("We do not know that voucher.");
    cart.voucher = voucher;
  }

  /** Adds what `from` holds to `into`, never more than there is, and leaves `from` empty. */
  merge(into, from) {
    for (const [id, quantity] of from.quantities) {
      const most = Math.min(MAX_PER_PRODUCT, this.#catalogue.find(id).stock);
      into.quantities.set(id, Math.min(most, (into.quantities.get(id) ?? 0) + quantity));
    }
    into.voucher ??= from.voucher;
    this.empty(from);
  }

  empty(cart) {
    cart.quantities.clear();
    cart.voucher = undefined;
  }

  /** The cart as customers see it: lines with today's prices, and all sums in cents. */
  view(cart) {
    const lines = [...cart.quantities].map(([id, quantity]) => {
      const { name, priceCents, icon, hue } = this.#catalogue.find(id);
      return { productId: id, name, icon, hue, priceCents, quantity, sumCents: priceCents * quantity };
    });
    const goodsCents = lines.reduce((sum, line) => sum + line.sumCents, 0);
    const discountCents = Math.round((goodsCents * (VOUCHERS[cart.voucher] ?? 0)) / 100);
    const free = lines.length === 0 || goodsCents - discountCents >= FREE_SHIPPING_FROM_CENTS;
    const shippingCents = free ? 0 : SHIPPING_CENTS;
    return {
      lines,
      count: lines.reduce((sum, line) => sum + line.quantity, 0),
      voucher: cart.voucher ?? null,
      goodsCents,
      discountCents,
      shippingCents,
      totalCents: goodsCents - discountCents + shippingCents,
    };
  }
}
