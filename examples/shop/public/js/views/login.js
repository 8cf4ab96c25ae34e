import { api } from "../api.js";
import { field, form, h } from "../dom.js";

/** Signing in and registering; afterwards on to where the visitor wanted to go. */
export async function loginView() {
  const enter = (path) => async (values) => {
    await api.post(path, values);
    location.assign(next());
  };
  const email = () => field("E-mail", h("input", { name: "email", type: "email", required: true, autocomplete: "username" }));
  const password = () => field("Password", h("input", { name: "password", type: "password", required: true }));
  return [
    h(
      "div",
      { class: "columns" },
      h("section", {}, h("h1", {}, "Sign in"), form({ class: "panel", "aria-label": "Sign in" }, enter("/session"), email(), password(), h("button", {}, "Sign in"))),
      h(
        "section",
        {},
        h("h1", {}, "New here?"),
        form(
          { class: "panel", "aria-label": "Register" },
          enter("/accounts"),
          field("Name", h("input", { name: "name", required: true })),
          email(),
          password(),
          h("button", {}, "Create account"),
        ),
      ),
    ),
  ];
}

/** Only paths of this shop: never another site. */
function next() {
  const wanted = new URLSearchParams(location.search).get("next") ?? "/";
  return /^\/(?!\/)/.test(wanted) ? wanted : "/";
}
