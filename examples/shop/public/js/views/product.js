import { api } from "../api.js";
import { field, form, h, money } from "../dom.js";
import { picture } from "../picture.js";

const LOW_STOCK = 10;

/** One product, and putting it into the cart. */
export async function productView({ params, refreshHeader }) {
  const product = await api.get(`/products/${params.id}`);
  document.title = `${product.name} · Copper & Leaf`;

  const add = async ({ quantity }) => {
    const { lines } = await api.get("/cart");
    const held = lines.find((line) => line.productId === product.id)?.quantity ?? 0;
    await api.put(`/cart/items/${product.id}`, { quantity: held + Number(quantity) });
    await refreshHeader();
    return `${product.name} is in your cart.`;
  };
  const quantity = h("input", { type: "number", name: "quantity", value: "1", min: "1", max: "20", class: "short" });
  const buy = h("button", { disabled: product.stock === 0 }, product.stock === 0 ? "Sold out" : "Add to cart");

  return [
    h("p", {}, h("a", { href: "/" }, "← All products")),
    h(
      "div",
      { class: "columns" },
      h("div", { class: "card" }, picture(product)),
      h(
        "div",
        {},
        h("h1", {}, product.name),
        h("p", { class: "price" }, money(product.priceCents)),
        h("p", {}, product.description),
        stockLine(product.stock),
        form({ "aria-label": "Buy" }, add, field("Quantity", quantity), buy),
      ),
    ),
  ];
}

function stockLine(stock) {
  if (stock === 0) return h("p", { class: "low" }, "Sold out");
  if (stock < LOW_STOCK) return h("p", { class: "low" }, `Only ${stock} left`);
  return h("p", { class: "quiet" }, "In stock");
}
