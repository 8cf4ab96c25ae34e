// Placing orders and following one's own. Somebody else's order is "not found", not "not allowed".

import { notFound } from "../refusal.js";
import { requireAccount } from "../sessions.js";

export function orderRoutes(router, { carts, orders }) {
  const own = (session, number) => {
    const account = requireAccount(session);
    const order = orders.find(number);
    if (order.email !== account.email) throw notFound("order");
    return order;
  };

  router
    .on("POST /api/orders", ({ session, body }) => {
      const order = orders.place(requireAccount(session), carts.view(session.cart), body);
      carts.empty(session.cart);
      return { status: 201, data: order };
    })
    .on("GET /api/orders", ({ session }) => ({ data: { orders: orders.ofAccount(requireAccount(session).email) } }))
    .on("GET /api/orders/:number", ({ session, params }) => ({ data: own(session, params.number) }))
    .on("POST /api/orders/:number/cancellation", ({ session, params }) => ({
      data: orders.cancel(own(session, params.number).number),
    }));
}
