import { api } from "../api.js";
import { h, money } from "../dom.js";
import { picture } from "../picture.js";

const ORDERS = { name: "Name", "price-up": "Price, lowest first", "price-down": "Price, highest first" };

/** The list of products with search, category and order, and the voucher of the day. */
export async function catalogueView() {
  const results = h("div", { class: "grid", role: "list", "aria-label": "Products" });
  const summary = h("p", { class: "quiet", "data-testid": "result-count" });
  const search = h("input", { type: "search", placeholder: "Search tea, cups, …", "aria-label": "Search" });
  const category = h("select", { "aria-label": "Category" }, h("option", { value: "" }, "Everything"));
  const sort = h("select", { "aria-label": "Order" }, Object.entries(ORDERS).map(([value, text]) => h("option", { value }, text)));

  let latest = 0;
  const refresh = async () => {
    const asked = (latest += 1);
    const query = new URLSearchParams({ q: search.value, category: category.value, sort: sort.value });
    const { products } = await api.get(`/products?${query}`);
    if (asked !== latest) return;
    results.replaceChildren(...products.map(card));
    summary.textContent = products.length === 1 ? "1 product" : `${products.length} products`;
  };
  search.addEventListener("input", refresh);
  category.addEventListener("change", refresh);
  sort.addEventListener("change", refresh);

  const { categories } = await api.get("/products");
  category.append(...categories.map((name) => h("option", { value: name }, name)));
  await refresh();
  return [h("h1", {}, "Tea, and what goes with it"), voucher(), h("div", { class: "toolbar" }, search, category, sort), summary, results];
}

/** Arrives after the page: the catalogue does not wait for it. */
function voucher() {
  const place = h("div", { class: "voucher quiet", "data-testid": "voucher" }, "Looking for today's voucher …");
  api.get("/voucher").then(
    ({ code, percent }) => place.replaceChildren("Today: ", h("strong", {}, code), ` takes ${percent} % off your cart.`),
    () => place.replaceChildren("No voucher today."),
  );
  return place;
}

function card(product) {
  return h(
    "article",
    { class: "card", role: "listitem" },
    h("a", { href: `/products/${product.id}`, tabindex: "-1", "aria-hidden": "true" }, picture(product)),
    h(
      "div",
      { class: "text" },
      h("h3", {}, h("a", { href: `/products/${product.id}` }, product.name)),
      h("span", { class: "price" }, money(product.priceCents)),
      product.stock === 0 ? h("span", { class: "low" }, " · sold out") : null,
    ),
  );
}
