// The goods: what is listed, what it costs, how much is left. The only writer of stock.

import { conflict, invalid, notFound } from "../refusal.js";

const SORTS = {
  name: (a, b) => a.name.localeCompare(b.name),
  "price-up": (a, b) => a.priceCents - b.priceCents,
  "price-down": (a, b) => b.priceCents - a.priceCents,
};
const CATEGORIES = ["tea", "pots", "cups", "tools"];
const LOW_STOCK = 10;

export class Catalogue {
  #products = new Map();
  #movements = [];

  constructor(seed) {
    for (const product of seed) this.#products.set(product.id, { ...product });
  }

  categories() {
    return CATEGORIES;
  }

  all() {
    return [...this.#products.values()];
  }

  /** The listed products that hold every word of `text`, in the order asked for. */
  search({ text = "", category = "", sort = "name" }) {
    if (!Object.hasOwn(SORTS, sort)) throw invalid(`There is no order "${sort}".`);
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const holds = (product) => {
      const haystack = `${product.name} ${product.description}`.toLowerCase();
      return words.every((word) => haystack.includes(word));
    };
    return this.all()
      .filter((product) => product.listed && (!category || product.category === category) && holds(product))
      .sort(SORTS[sort]);
  }

  find(id) {
    const product = this.#products.get(id);
    if (!product) throw notFound("product");
    return product;
  }

  listed(id) {
    const product = this.find(id);
    if (!product.listed) throw notFound("product");
    return product;
  }

  add(fields) {
    const id = checked({ name: fields.name }).name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
    if (!id) throw invalid("A product needs a name.");
    const taken = this.all().some((product) => product.id === id || product.name.toLowerCase() === fields.name.toLowerCase());
    if (taken) throw conflict("name_taken", `There is already a product named ${fields.name}.`);
    const product = { id, icon: "tool", hue: 0, stock: 0, listed: true, description: "" };
    Object.assign(product, { category: "tools" }, checked({ ...fields, priceCents: fields.priceCents }));
    this.#products.set(id, product);
    return product;
  }

  change(id, fields) {
    return Object.assign(this.find(id), checked(fields));
  }

  /** Moves stock by `delta` pieces and remembers why. Stock never falls below zero. */
  move(id, delta, reason) {
    const product = this.find(id);
    if (!Number.isInteger(delta) || delta === 0) throw invalid("Stock moves by a whole number of pieces.");
    if (product.stock + delta < 0) throw conflict("out_of_stock", `Only ${product.stock} of ${product.name} left.`);
    product.stock += delta;
    this.#movements.push({ productId: id, delta, reason: reason || "unspecified", stock: product.stock });
    return product;
  }

  movements() {
    return [...this.#movements].reverse();
  }

  lowOnStock() {
    return this.all().filter((product) => product.stock < LOW_STOCK);
  }
}

function checked(fields) {
  const out = {};
  for (const [key, value] of Object.entries(fields)) {
    const check = Object.hasOwn(CHECKS, key) && CHECKS[key];
    if (!check) throw invalid(`A product has no "${key}".`);
    if (!check(value)) throw invalid(`That ${LABELS[key] ?? key} will not do.`);
    out[key] = value;
  }
  return out;
}

const CHECKS = {
  name: (value) => typeof value === "string" && value.trim().length > 0 && value.length <= 80,
  description: (value) => typeof value === "string" && value.length <= 500,
  category: (value) => CATEGORIES.includes(value),
  priceCents: (value) => Number.isInteger(value) && value > 0 && value < 1_000_000,
  listed: (value) => typeof value === "boolean",
};
const LABELS = { priceCents: "price" };
