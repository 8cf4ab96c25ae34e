// Puts the shop together: one in-memory state, the JSON API under /api, and the pages for every other path.

import { createServer } from "node:http";

import { accountRoutes } from "./api/accounts.js";
import { adminRoutes } from "./api/admin.js";
import { cartRoutes } from "./api/cart.js";
import { catalogueRoutes } from "./api/catalogue.js";
import { orderRoutes } from "./api/orders.js";
import { Accounts } from "./domain/accounts.js";
import { Carts } from "./domain/carts.js";
import { Catalogue } from "./domain/catalogue.js";
import { Orders } from "./domain/orders.js";
import { Reports } from "./domain/reports.js";
import { readCookie, readJson, Router, sendJson } from "./http.js";
import { sendPage } from "./pages.js";
import { Refusal } from "./refusal.js";
import { ACCOUNTS, PRODUCTS } from "./seed.js";
import { Sessions } from "./sessions.js";

const SESSION_COOKIE = "session";

export function createShopServer(options) {
  const shop = createShop(options);
  const router = new Router();
  for (const addRoutes of [catalogueRoutes, accountRoutes, cartRoutes, orderRoutes, adminRoutes]) addRoutes(router, shop);

  return createServer((request, response) => {
    answer(shop, router, request, response).catch((error) => {
      if (!(error instanceof Refusal)) console.error(`${request.method} ${request.url}:`, error);
      const { status, code, message } = error instanceof Refusal ? error : UNEXPECTED;
      if (!response.headersSent) sendJson(response, status, { error: { code, message } });
      response.end();
    });
  });
}

const UNEXPECTED = { status: 500, code: "internal", message: "Something went wrong in the shop." };

function createShop(options) {
  const catalogue = new Catalogue(PRODUCTS);
  const carts = new Carts(catalogue);
  const orders = new Orders(catalogue, options.processingMs);
  return {
    options,
    catalogue,
    carts,
    orders,
    accounts: new Accounts(ACCOUNTS),
    reports: new Reports(catalogue, orders, options.reportMs),
    sessions: new Sessions(carts),
  };
}

async function answer(shop, router, request, response) {
  const url = new URL(request.url, "http://shop");
  if (!url.pathname.startsWith("/api/")) return sendPage(request, response, url.pathname);

  const { handler, params } = router.match(request.method, url.pathname);
  const session = shop.sessions.open(readCookie(request, SESSION_COOKIE));
  response.setHeader("set-cookie", `${SESSION_COOKIE}=${session.token}; Path=/; HttpOnly; SameSite=Lax`);
  const body = request.method === "GET" ? {} : await readJson(request);
  const reply = await handler({ params, query: url.searchParams, body, session });
  if (reply?.raw) {
    response.writeHead(200, reply.headers);
    return response.end(reply.raw);
  }
  const { status = 200, ...rest } = reply ?? { status: 204 };
  return sendJson(response, status, status === 204 ? undefined : rest.data);
}
