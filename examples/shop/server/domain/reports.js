// Reports for the staff. They take a while, as reports do; a report shows the shop as it was when it was asked for.

import { invalid, notFound } from "../refusal.js";

export class Reports {
  #builders;
  #reports = [];

  constructor(catalogue, orders, reportMs) {
    this.#builders = {
      sales: { takesMs: reportMs, build: () => salesRows(orders.all()) },
      stock: { takesMs: Math.round(reportMs / 2), build: () => stockRows(catalogue.all()) },
    };
  }

  request(kind) {
    const builder = Object.hasOwn(this.#builders, kind) && this.#builders[kind];
    if (!builder) throw invalid(`There is no report "${kind}".`);
    const report = { id: String(this.#reports.length + 1), kind, readyAt: Date.now() + builder.takesMs, rows: builder.build() };
    this.#reports.push(report);
    return this.find(report.id);
  }

  find(id) {
    const report = this.#reports.find((candidate) => candidate.id === id);
    if (!report) throw notFound("report");
    const { readyAt, rows, ...rest } = report;
    return Date.now() < readyAt ? { ...rest, state: "running" } : { ...rest, state: "done", rows };
  }

  csv(id) {
    const report = this.find(id);
    if (report.state !== "done") throw notFound("finished report");
    const header = Object.keys(report.rows[0] ?? { empty: "" });
    return [header, ...report.rows.map(Object.values)].map((row) => row.map(quoted).join(",")).join("\n").concat("\n");
  }
}

function salesRows(orders) {
  const byProduct = new Map();
  for (const line of orders.filter((order) => order.state !== "cancelled").flatMap((order) => order.lines)) {
    const row = byProduct.get(line.productId) ?? { product: line.name, pieces: 0, sumCents: 0 };
    byProduct.set(line.productId, { ...row, pieces: row.pieces + line.quantity, sumCents: row.sumCents + line.sumCents });
  }
  return [...byProduct.values()].sort((a, b) => b.sumCents - a.sumCents);
}

function stockRows(products) {
  return products
    .map(({ name, stock, priceCents }) => ({ product: name, pieces: stock, sumCents: stock * priceCents }))
    .sort((a, b) => a.pieces - b.pieces);
}

const quoted = (value) => (/[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
