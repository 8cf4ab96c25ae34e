// The bar on top of every page: brand, who is signed in, the cart.

import { api } from "./api.js";
import { h } from "./dom.js";

export function header({ account, cartCount }) {
  const signOut = async () => {
    await api.delete("/session");
    location.assign("/");
  };
  return h(
    "div",
    { class: "bar" },
    h("a", { href: "/", class: "brand" }, "Copper & Leaf"),
    h(
      "nav",
      { "aria-label": "Main" },
      account?.role === "admin" ? h("a", { href: "/admin" }, "Staff") : null,
      account ? h("a", { href: "/account" }, account.name) : h("a", { href: "/login" }, "Sign in"),
      account ? h("button", { class: "plain", click: signOut }, "Sign out") : null,
      h("a", { href: "/cart" }, "Cart", h("span", { class: "badge", "data-testid": "cart-count" }, String(cartCount))),
    ),
  );
}
