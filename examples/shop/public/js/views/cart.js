import { api } from "../api.js";
import { field, form, h, money, notice } from "../dom.js";

/** The cart: quantities, voucher, sums. */
export async function cartView({ refreshHeader }) {
  const place = h("div");
  const show = (cart, problem) => {
    place.replaceChildren(...(problem ? [notice(problem, "bad")] : []), ...content(cart, change));
  };
  const change = async (request) => {
    try {
      show(await request());
    } catch (error) {
      show(await api.get("/cart"), error.message);
    }
    await refreshHeader();
  };
  show(await api.get("/cart"));
  return [h("h1", {}, "Your cart"), place];
}

function content(cart, change) {
  if (cart.lines.length === 0) return [h("p", {}, "Your cart is empty. ", h("a", { href: "/" }, "Look around"))];
  const head = ["Product", "Price", "Quantity", "Sum", ""].map((name) => h("th", { scope: "col" }, name));
  return [
    h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, cart.lines.map((line) => row(line, change)))),
    h(
      "div",
      { class: "columns", style: "margin-top: 1.5rem" },
      form(
        { class: "panel", "aria-label": "Voucher" },
        async ({ code }) => {
          const changed = await api.put("/cart/voucher", { code });
          await change(() => changed);
        },
        field("Voucher", h("input", { name: "code", value: cart.voucher ?? "" })),
        h("button", {}, "Redeem"),
      ),
      h("div", { class: "panel" }, sums(cart), h("a", { href: "/checkout", class: "button" }, "Check out")),
    ),
  ];
}

function row(line, change) {
  const path = `/cart/items/${line.productId}`;
  const quantity = h("input", {
    type: "number",
    class: "short",
    min: "1",
    max: "20",
    value: String(line.quantity),
    "aria-label": `Quantity of ${line.name}`,
    change: (event) => change(() => api.put(path, { quantity: Number(event.target.value) })),
  });
  return h(
    "tr",
    {},
    h("td", {}, h("a", { href: `/products/${line.productId}` }, line.name)),
    h("td", {}, money(line.priceCents)),
    h("td", {}, quantity),
    h("td", {}, money(line.sumCents)),
    h("td", {}, h("button", { class: "plain", click: () => change(() => api.delete(path)) }, "Remove")),
  );
}

/** The sums of a cart or of an order. */
export function sums(cart) {
  const line = (label, cents, testId, className) => [
    h("dt", { class: className }, label),
    h("dd", { class: className, "data-testid": testId }, money(cents)),
  ];
  return h(
    "dl",
    { class: "sums" },
    line("Goods", cart.goodsCents, "goods"),
    cart.discountCents > 0 ? line(`Voucher ${cart.voucher}`, -cart.discountCents, "discount") : [],
    line("Shipping", cart.shippingCents, "shipping"),
    line("Total", cart.totalCents, "total", "total"),
  );
}
