import { api } from "../api.js";
import { field, form, h } from "../dom.js";
import { sums } from "./cart.js";

/** Address, card, order. */
export async function checkoutView({ session }) {
  const cart = await api.get("/cart");
  if (cart.lines.length === 0) return [h("h1", {}, "Checkout"), h("p", {}, "Your cart is empty.")];
  const order = async (values) => {
    const { number } = await api.post("/orders", values);
    location.assign(`/orders/${number}`);
  };
  const address = h("textarea", { name: "address", rows: "3", required: true }, session.account.address);
  return [
    h("h1", {}, "Checkout"),
    h(
      "div",
      { class: "columns" },
      form(
        { class: "panel", "aria-label": "Checkout" },
        order,
        field("Delivery address", address),
        field("Card number", h("input", { name: "card", inputmode: "numeric", required: true })),
        h("button", {}, "Place order"),
      ),
      h(
        "div",
        { class: "panel" },
        h("ul", {}, cart.lines.map((line) => h("li", {}, `${line.quantity} × ${line.name}`))),
        sums(cart),
      ),
    ),
  ];
}
