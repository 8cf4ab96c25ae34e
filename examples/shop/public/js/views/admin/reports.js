import { api } from "../../api.js";
import { h, money, notice, poll, state } from "../../dom.js";
import { staffPage } from "./tabs.js";

const KINDS = { sales: "Sales report", stock: "Stock report" };

/** Reports are asked for, take a while, and are then shown and offered as a file. */
export async function adminReportsView() {
  const place = h("div");
  const make = (kind) => async () => {
    try {
      const { id } = await api.post("/admin/reports", { kind });
      await poll(() => api.get(`/admin/reports/${id}`), (report) => place.replaceChildren(...content(report)), ({ state }) => state === "done");
    } catch (error) {
      place.replaceChildren(notice(error.message, "bad"));
    }
  };
  const buttons = Object.entries(KINDS).map(([kind, name]) => h("button", { click: make(kind) }, name));
  return staffPage("Reports", h("div", { class: "toolbar" }, buttons), place);
}

function content(report) {
  const heading = h("h2", {}, KINDS[report.kind], " ", state(report.state));
  if (report.state !== "done") return [heading, h("p", { class: "quiet" }, "Adding things up …")];
  if (report.rows.length === 0) return [heading, h("p", { class: "quiet" }, "Nothing to report.")];
  const head = ["Product", "Pieces", "Value"].map((name) => h("th", { scope: "col" }, name));
  const rows = report.rows.map(({ product, pieces, sumCents }) =>
    h("tr", {}, h("td", {}, product), h("td", {}, String(pieces)), h("td", {}, money(sumCents))),
  );
  return [
    heading,
    h("table", { "aria-label": KINDS[report.kind] }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)),
    h("p", {}, h("a", { href: `/api/admin/reports/${report.id}.csv`, download: true }, "Download as CSV")),
  ];
}
