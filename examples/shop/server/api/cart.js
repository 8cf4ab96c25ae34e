// The cart of whoever asks. Every answer is the whole cart with its sums.

export function cartRoutes(router, { carts }) {
  router
    .on("GET /api/cart", ({ session }) => ({ data: carts.view(session.cart) }))
    .on("PUT /api/cart/items/:id", ({ session, params, body }) => {
      carts.set(session.cart, params.id, body.quantity);
      return { data: carts.view(session.cart) };
    })
    .on("DELETE /api/cart/items/:id", ({ session, params }) => {
      carts.set(session.cart, params.id, 0);
      return { data: carts.view(session.cart) };
    })
    .on("PUT /api/cart/voucher", ({ session, body }) => {
      carts.redeem(session.cart, body.code);
      return { data: carts.view(session.cart) };
    });
}
