// Serves public/: files by name, and the one page shell for every other path (the browser code picks the view).

import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const PUBLIC = fileURLToPath(new URL("../public", import.meta.url));
const SHELL = "/index.html";
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

export async function sendPage(request, response, path) {
  const isFile = extname(path) in TYPES;
  const content = await readPublic(isFile ? path : SHELL);
  if (content === undefined) {
    response.writeHead(404, { "content-type": "text/plain; charset=utf-8" });
    return response.end("Not found\n");
  }
  response.writeHead(200, { "content-type": TYPES[isFile ? extname(path) : ".html"], "cache-control": "no-cache" });
  return response.end(request.method === "HEAD" ? undefined : content);
}

async function readPublic(path) {
  const file = join(PUBLIC, normalize(path));
  if (!file.startsWith(PUBLIC)) return undefined;
  try {
    return await readFile(file);
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}
