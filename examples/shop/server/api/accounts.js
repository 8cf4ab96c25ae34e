// Signing in and out, registering, and one's own account.

import { publicAccount } from "../domain/accounts.js";
import { requireAccount } from "../sessions.js";

export function accountRoutes(router, { accounts, carts, sessions }) {
  const view = (session) => ({
    account: session.account ? publicAccount(session.account) : null,
    cartCount: carts.view(session.cart).count,
  });

  router
    .on("GET /api/session", ({ session }) => ({ data: view(session) }))
    .on("POST /api/session", ({ session, body }) => {
      sessions.signIn(session, accounts.signIn(body));
      return { data: view(session) };
    })
    .on("DELETE /api/session", ({ session }) => sessions.signOut(session))
    .on("POST /api/accounts", ({ session, body }) => {
      sessions.signIn(session, accounts.register(body));
      return { status: 201, data: view(session) };
    })
    .on("GET /api/account", ({ session }) => ({ data: publicAccount(requireAccount(session)) }))
    .on("PATCH /api/account", ({ session, body }) => ({
      data: publicAccount(accounts.change(requireAccount(session), body)),
    }));
}
