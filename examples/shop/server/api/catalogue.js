// Goods for everybody: list, search, one product, the voucher of the day.

import { setTimeout as delay } from "node:timers/promises";

import { VOUCHERS } from "../seed.js";

export function catalogueRoutes(router, { catalogue, options }) {
  router
    .on("GET /api/products", ({ query }) => {
      const products = catalogue.search({
        text: query.get("q") ?? "",
        category: query.get("category") ?? "",
        sort: query.get("sort") || "name",
      });
      return { data: { products, categories: catalogue.categories() } };
    })
    .on("GET /api/products/:id", ({ params }) => ({ data: catalogue.listed(params.id) }))
    .on("GET /api/voucher", async () => {
      await delay(options.voucherMs, undefined, { ref: false });
      const [[code, percent]] = Object.entries(VOUCHERS);
      return { data: { code, percent } };
    });
}
