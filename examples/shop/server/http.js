// The little HTTP that the shop needs: JSON bodies with a bound, cookies, routes with parameters.

import { invalid, notFound, Refusal } from "./refusal.js";

const MAX_BODY_BYTES = 64 * 1024;

/** Routes are written as "GET /api/products/:id"; the first one that matches wins. */
export class Router {
  #routes = [];

  on(route, handler) {
    const [method, path] = route.split(" ");
    const pattern = new RegExp(`^${path.replaceAll(".", "\\.").replace(/:(\w+)/g, "(?<$1>[^/]+?)")}$`);
    this.#routes.push({ method, pattern, handler });
    return this;
  }

  /** Finds the handler and the parameters; a known path with another method is 405, not 404. */
  match(method, path) {
    let knownPath = false;
    for (const route of this.#routes) {
      const found = route.pattern.exec(path);
      if (!found) continue;
      if (route.method === method) return { handler: route.handler, params: decodeAll(found.groups ?? {}) };
      knownPath = true;
    }
    throw knownPath ? new Refusal(405, "method_not_allowed", `${method} is not possible here.`) : notFound("address");
  }
}

export async function readJson(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Refusal(413, "too_large", "That request is too large.");
    chunks.push(chunk);
  }
  if (bytes === 0) return {};
  let body;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new Refusal(400, "malformed_json", "The request is not valid JSON.");
  }
  if (body === null || typeof body !== "object" || Array.isArray(body)) throw invalid("The request must be a JSON object.");
  return body;
}

export function readCookie(request, name) {
  for (const part of (request.headers.cookie ?? "").split(";")) {
    const [key, value] = part.trim().split("=");
    if (key === name) return value;
  }
  return undefined;
}

export function sendJson(response, status, body) {
  const text = body === undefined ? "" : JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" });
  response.end(text);
}

function decodeAll(groups) {
  try {
    return Object.fromEntries(Object.entries(groups).map(([key, value]) => [key, decodeURIComponent(value)]));
  } catch {
    throw notFound("address");
  }
}
