import { api } from "../api.js";
import { field, form, h, money, state } from "../dom.js";

/** One's own details and orders. */
export async function accountView({ refreshHeader }) {
  const [account, { orders }] = await Promise.all([api.get("/account"), api.get("/orders")]);
  const save = async (values) => {
    await api.patch("/account", values);
    await refreshHeader();
    return "Saved.";
  };
  return [
    h("h1", {}, "Your account"),
    form(
      { class: "panel", "aria-label": "Details" },
      save,
      field("Name", h("input", { name: "name", value: account.name })),
      field("Delivery address", h("textarea", { name: "address", rows: "3" }, account.address)),
      h("button", {}, "Save"),
    ),
    h("h2", {}, "Orders"),
    orders.length === 0 ? h("p", { class: "quiet" }, "No orders yet.") : table(orders),
  ];
}

function table(orders) {
  const head = ["Order", "State", "Total"].map((name) => h("th", { scope: "col" }, name));
  const rows = orders.map((order) =>
    h(
      "tr",
      {},
      h("td", {}, h("a", { href: `/orders/${order.number}` }, order.number)),
      h("td", {}, state(order.state)),
      h("td", {}, money(order.totalCents)),
    ),
  );
  return h("table", { "aria-label": "Orders" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows));
}
