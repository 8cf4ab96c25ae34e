import { api } from "../../api.js";
import { field, form, h } from "../../dom.js";
import { staffPage } from "./tabs.js";

/** What runs low, deliveries and losses, and what moved. */
export async function adminStockView() {
  const { products } = await api.get("/admin/products");
  const low = h("ul", { "aria-label": "Low on stock" });
  const movements = h("tbody");
  const refresh = async () => {
    const stock = await api.get("/admin/stock");
    low.replaceChildren(...stock.low.map((product) => h("li", {}, `${product.name}: ${product.stock}`)));
    movements.replaceChildren(
      ...stock.movements.map((move) => h("tr", {}, [move.productId, signed(move.delta), move.reason, move.stock].map((cell) => h("td", {}, String(cell))))),
    );
  };
  const book = async ({ product, delta, reason }, element) => {
    const moved = await api.post(`/admin/products/${product}/stock`, { delta: Number(delta), reason });
    element.reset();
    await refresh();
    return `${moved.name}: ${moved.stock} in stock.`;
  };
  await refresh();
  const head = ["Product", "Pieces", "Reason", "Stock after"].map((name) => h("th", { scope: "col" }, name));
  return staffPage(
    "Stock",
    h(
      "div",
      { class: "columns" },
      form(
        { class: "panel", "aria-label": "Book stock" },
        book,
        field("Product", h("select", { name: "product" }, products.map(({ id, name }) => h("option", { value: id }, name)))),
        field("Pieces", h("input", { name: "delta", type: "number", required: true })),
        field("Reason", h("input", { name: "reason" })),
        h("button", {}, "Book"),
      ),
      h("div", { class: "panel" }, h("strong", {}, "Low on stock"), low),
    ),
    h("table", { "aria-label": "Movements" }, h("thead", {}, h("tr", {}, head)), movements),
  );
}

const signed = (delta) => (delta > 0 ? `+${delta}` : String(delta));
