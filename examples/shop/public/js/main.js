// Picks the view for the address and shows it under the header. Links are plain links; there is no client-side history.

import { api } from "./api.js";
import { h, notice } from "./dom.js";
import { header } from "./header.js";
import { accountView } from "./views/account.js";
import { adminOrdersView } from "./views/admin/orders.js";
import { adminProductsView } from "./views/admin/products.js";
import { adminReportsView } from "./views/admin/reports.js";
import { adminStockView } from "./views/admin/stock.js";
import { cartView } from "./views/cart.js";
import { catalogueView } from "./views/catalogue.js";
import { checkoutView } from "./views/checkout.js";
import { loginView } from "./views/login.js";
import { orderView } from "./views/order.js";
import { productView } from "./views/product.js";

const ROUTES = [
  { path: /^\/$/, view: catalogueView },
  { path: /^\/products\/(?<id>[^/]+)$/, view: productView },
  { path: /^\/cart$/, view: cartView },
  { path: /^\/login$/, view: loginView },
  { path: /^\/checkout$/, view: checkoutView, needs: "customer" },
  { path: /^\/account$/, view: accountView, needs: "customer" },
  { path: /^\/orders\/(?<number>\d+)$/, view: orderView, needs: "customer" },
  { path: /^\/admin\/?$/, view: adminProductsView, needs: "admin" },
  { path: /^\/admin\/stock$/, view: adminStockView, needs: "admin" },
  { path: /^\/admin\/orders$/, view: adminOrdersView, needs: "admin" },
  { path: /^\/admin\/reports$/, view: adminReportsView, needs: "admin" },
];

async function show() {
  const main = document.getElementById("main");
  const session = await api.get("/session");
  const refreshHeader = async () => document.getElementById("header").replaceChildren(header(await api.get("/session")));
  document.getElementById("header").replaceChildren(header(session));

  const route = ROUTES.find(({ path }) => path.test(location.pathname));
  if (route?.needs && !session.account) {
    location.replace(`/login?next=${encodeURIComponent(location.pathname)}`);
    return;
  }
  if (!route) main.replaceChildren(h("h1", {}, "Not found"), h("p", {}, "There is no such page."));
  else if (route.needs === "admin" && session.account.role !== "admin") {
    main.replaceChildren(h("h1", {}, "Staff only"), notice("Only the shop's staff may see this page.", "bad"));
  } else {
    const { groups: params = {} } = route.path.exec(location.pathname);
    main.replaceChildren(...(await route.view({ params, session, refreshHeader })));
  }
}

show().catch((error) => document.getElementById("main").replaceChildren(notice(error.message, "bad")));
