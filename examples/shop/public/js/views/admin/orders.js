import { api } from "../../api.js";
import { h, money, notice, poll, state } from "../../dom.js";
import { staffPage } from "./tabs.js";

const WAITING = ["received", "paid"];

/** All orders; packed ones can be shipped. The list follows the shop until nothing is waiting. */
export async function adminOrdersView() {
  const body = h("tbody");
  const problem = h("div");
  const show = ({ orders }) => body.replaceChildren(...orders.map((order) => row(order, ship)));
  const ask = () => api.get("/admin/orders");
  const ship = async (number) => {
    try {
      await api.post(`/admin/orders/${number}/shipment`);
    } catch (error) {
      problem.replaceChildren(notice(error.message, "bad"));
    }
    show(await ask());
  };
  show(await ask());
  poll(ask, show, ({ orders }) => !orders.some((order) => WAITING.includes(order.state))).catch((error) =>
    problem.replaceChildren(notice(error.message, "bad")),
  );
  const head = ["Order", "Customer", "Total", "State", ""].map((name) => h("th", { scope: "col" }, name));
  return staffPage("Orders", problem, h("table", { "aria-label": "Orders" }, h("thead", {}, h("tr", {}, head)), body));
}

function row(order, ship) {
  const button = h("button", { disabled: order.state !== "packed", click: () => ship(order.number) }, "Ship");
  const cells = [order.number, order.email, money(order.totalCents), state(order.state), button];
  return h("tr", {}, cells.map((cell) => h("td", {}, cell)));
}
