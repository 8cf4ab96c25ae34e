// What only the shop's staff may see and do.

import { requireAdmin } from "../sessions.js";

export function adminRoutes(router, { catalogue, orders, reports }) {
  const staff = (route, handler) =>
    router.on(route, (request) => {
      requireAdmin(request.session);
      return handler(request);
    });

  staff("GET /api/admin/products", () => ({ data: { products: catalogue.all(), categories: catalogue.categories() } }));
  staff("POST /api/admin/products", ({ body }) => ({ status: 201, data: catalogue.add(body) }));
  staff("PATCH /api/admin/products/:id", ({ params, body }) => ({ data: catalogue.change(params.id, body) }));

  staff("GET /api/admin/stock", () => ({ data: { low: catalogue.lowOnStock(), movements: catalogue.movements() } }));
  staff("POST /api/admin/products/:id/stock", ({ params, body }) => ({
    data: catalogue.move(params.id, body.delta, body.reason),
  }));

  staff("GET /api/admin/orders", () => ({ data: { orders: orders.all() } }));
  staff("POST /api/admin/orders/:number/shipment", ({ params }) => ({ data: orders.ship(params.number) }));

  staff("POST /api/admin/reports", ({ body }) => ({ status: 202, data: reports.request(body.kind) }));
  staff("GET /api/admin/reports/:id.csv", ({ params }) => ({
    raw: reports.csv(params.id),
    headers: { "content-type": "text/csv; charset=utf-8", "content-disposition": `attachment; filename="report-${params.id}.csv"` },
  }));
  staff("GET /api/admin/reports/:id", ({ params }) => ({ data: reports.find(params.id) }));
}
