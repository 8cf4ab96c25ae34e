import { h } from "../../dom.js";

const TABS = { "/admin": "Products", "/admin/stock": "Stock", "/admin/orders": "Orders", "/admin/reports": "Reports" };

/** The staff's pages share a heading and tabs. */
export function staffPage(title, ...content) {
  const tabs = Object.entries(TABS).map(([href, name]) =>
    h("a", { href, "aria-current": href === location.pathname ? "page" : undefined }, name),
  );
  return [h("h1", {}, title), h("nav", { class: "tabs", "aria-label": "Staff" }, tabs), ...content];
}
