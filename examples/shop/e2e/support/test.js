// The specs' own `test`: every test gets a fresh shop, a page that knows its address, page objects, and a quick way in.

import { test as base } from "@playwright/test";

import { CartPage } from "./pages/cart.js";
import { CataloguePage } from "./pages/catalogue.js";
import { CheckoutPage } from "./pages/checkout.js";
import { LoginPage } from "./pages/login.js";
import { OrderPage } from "./pages/order.js";
import { ProductPage } from "./pages/product.js";
import { StaffPages } from "./pages/staff.js";
import { startShop } from "./shop.js";

export { expect } from "@playwright/test";

export const CUSTOMER = { email: "customer@shop.example", password: "customer-demo", name: "Demo Customer" };
export const ADMIN = { email: "admin@shop.example", password: "admin-demo", name: "Shop Admin" };
export const GOOD_CARD = "4242 4242 4242 4242";
export const DECLINED_CARD = "4000 0000 0000 0002";

export const test = base.extend({
  /** Command-line options of the shop, e.g. `test.use({ shopOptions: { reportMs: 100 } })`. */
  shopOptions: [{}, { option: true }],

  shop: async ({ shopOptions }, use) => {
    const shop = await startShop(shopOptions);
    await use(shop);
    await shop.stop();
  },
  baseURL: async ({ shop }, use) => use(shop.url),

  /** Signs the page in through the API: only the specs about signing in use the form. */
  signIn: async ({ page }, use) => use((account) => send(page, "post", "/api/session", account)),
  /** Fills the cart of the page through the API: `fillCart({ mug: 2 })`. */
  fillCart: async ({ page }, use) =>
    use(async (quantities) => {
      for (const [id, quantity] of Object.entries(quantities)) await send(page, "put", `/api/cart/items/${id}`, { quantity });
    }),
  /** Orders `quantities` as the customer who is signed in, and gives the order. */
  placeOrder: async ({ page, fillCart }, use) =>
    use(async (quantities) => {
      await fillCart(quantities);
      return send(page, "post", "/api/orders", { address: "1 Test Lane", card: GOOD_CARD });
    }),

  catalogue: async ({ page }, use) => use(new CataloguePage(page)),
  product: async ({ page }, use) => use(new ProductPage(page)),
  cart: async ({ page }, use) => use(new CartPage(page)),
  login: async ({ page }, use) => use(new LoginPage(page)),
  checkout: async ({ page }, use) => use(new CheckoutPage(page)),
  order: async ({ page }, use) => use(new OrderPage(page)),
  staff: async ({ page }, use) => use(new StaffPages(page)),
});

async function send(page, method, path, data) {
  const response = await page.request[method](path, { data });
  if (!response.ok()) throw new Error(`${method} ${path}: ${response.status()} ${await response.text()}`);
  return response.json();
}
