// Elements without a framework. Text goes in as text nodes only, so nothing typed by anybody is ever read as HTML.

/** h("a", { href: "/", class: "brand" }, "Home"): attributes as given, functions become listeners. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null));
  return element;
}

export const notice = (text, kind = "good") => h("p", { class: `notice ${kind}`, role: kind === "bad" ? "alert" : "status" }, text);

export const money = (cents) => `${cents < 0 ? "−" : ""}€${(Math.abs(cents) / 100).toFixed(2)}`;

export const state = (name) => h("span", { class: `state ${name}`, "data-testid": "state" }, name);

export function field(label, input) {
  return h("label", {}, label, input);
}

/** A form that calls `submit(values, form)` and shows a refusal above its fields. */
export function form(attributes, submit, ...children) {
  const place = h("div");
  const onSubmit = async (event) => {
    event.preventDefault();
    const button = element.querySelector("button[type=submit], button:not([type])");
    button.disabled = true;
    try {
      place.replaceChildren();
      const said = await submit(Object.fromEntries(new FormData(element)), element);
      if (typeof said === "string") place.replaceChildren(notice(said));
    } catch (error) {
      place.replaceChildren(notice(error.message, "bad"));
    } finally {
      button.disabled = false;
    }
  };
  const element = h("form", { ...attributes, submit: onSubmit }, place, ...children);
  return element;
}

/** Asks again every `everyMs` until `done(value)`; `show` sees every answer that differs from the one before. */
export async function poll(ask, show, done, everyMs = 250) {
  let shown;
  for (;;) {
    const value = await ask();
    const text = JSON.stringify(value);
    if (text !== shown) show(value);
    shown = text;
    if (done(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
