import { api } from "../api.js";
import { h, notice, poll, state } from "../dom.js";
import { sums } from "./cart.js";

const FINAL = ["packed", "shipped", "cancelled"];

/** One order: its state follows the shop by itself until nothing more happens without the staff. */
export async function orderView({ params }) {
  const path = `/orders/${params.number}`;
  const place = h("div");
  const show = (order) => place.replaceChildren(...content(order, cancel));
  const cancel = async () => {
    try {
      show(await api.post(`${path}/cancellation`));
    } catch (error) {
      show(await api.get(path));
      place.prepend(notice(error.message, "bad"));
    }
  };
  show(await api.get(path));
  poll(() => api.get(path), show, (order) => FINAL.includes(order.state)).catch((error) => place.prepend(notice(error.message, "bad")));
  return [h("h1", {}, `Order ${params.number}`), place];
}

function content(order, cancel) {
  const open = !["shipped", "cancelled"].includes(order.state);
  return [
    h("p", {}, "State: ", state(order.state)),
    h(
      "div",
      { class: "columns" },
      h(
        "div",
        { class: "panel" },
        h("ul", {}, order.lines.map((line) => h("li", {}, `${line.quantity} × ${line.name}`))),
        sums(order),
      ),
      h("div", { class: "panel" }, h("p", {}, "Goes to: ", order.address), open ? h("button", { click: cancel }, "Cancel order") : null),
    ),
  ];
}
