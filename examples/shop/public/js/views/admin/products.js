import { api } from "../../api.js";
import { field, form, h, money } from "../../dom.js";
import { staffPage } from "./tabs.js";

/** Products: prices, listing, new ones. */
export async function adminProductsView() {
  const { products, categories } = await api.get("/admin/products");
  const body = h("tbody", {}, products.map(row));
  const create = async ({ price, ...values }, element) => {
    const product = await api.post("/admin/products", { ...values, priceCents: cents(price) });
    body.append(row(product));
    element.reset();
    return `${product.name} is in the catalogue.`;
  };
  const head = ["Product", "Price", "Stock", "Listed"].map((name) => h("th", { scope: "col" }, name));
  return staffPage(
    "Products",
    h("table", { "aria-label": "Products" }, h("thead", {}, h("tr", {}, head)), body),
    h("h2", {}, "New product"),
    form(
      { class: "panel", "aria-label": "New product" },
      create,
      field("Name", h("input", { name: "name" })),
      field("Price in €", h("input", { name: "price" })),
      field("Category", h("select", { name: "category" }, categories.map((name) => h("option", {}, name)))),
      field("Description", h("textarea", { name: "description", rows: "2" })),
      h("button", {}, "Add product"),
    ),
  );
}

function row(product) {
  const price = h("span", {}, money(product.priceCents));
  const input = h("input", { name: "price", class: "short", "aria-label": `New price of ${product.name}` });
  const save = async (values) => {
    const changed = await api.patch(`/admin/products/${product.id}`, { priceCents: cents(values.price) });
    price.textContent = money(changed.priceCents);
    input.value = "";
    return "Saved.";
  };
  const listed = h("input", {
    type: "checkbox",
    "aria-label": `${product.name} is listed`,
    checked: product.listed,
    change: (event) => api.patch(`/admin/products/${product.id}`, { listed: event.target.checked }),
  });
  return h(
    "tr",
    {},
    h("td", {}, product.name),
    h("td", {}, price, form({}, save, input, " ", h("button", {}, "Change"))),
    h("td", {}, String(product.stock)),
    h("td", {}, listed),
  );
}

/** "12.50" → 1250; anything that is no amount becomes a value that the shop refuses. */
function cents(text) {
  return /^\d+([.,]\d{1,2})?$/.test(text.trim()) ? Math.round(Number(text.trim().replace(",", ".")) * 100) : -1;
}
