// Starts a shop for one test on a port of its own, and stops it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../server/main.js", import.meta.url));

/** `options` are those of the shop's command line, in camel case: `{ reportMs: 500 }`. */
export async function startShop(options = {}) {
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${kebab(name)}`, String(value)]);
  const shop = spawn(process.execPath, [MAIN, "--port", "0", "--exit-with-stdin", ...flags], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(shop, "exit");
  const url = await firstUrl(shop, ended);
  const stop = async () => {
    shop.stdin.end();
    await ended;
  };
  return { url, stop };
}

async function firstUrl(shop, ended) {
  const lines = createInterface({ input: shop.stdout });
  const [line] = await Promise.race([
    once(lines, "line"),
    ended.then(([code]) => Promise.reject(new Error(`the shop ended with code ${code} before it listened`))),
  ]);
  return line.replace("shop listening on ", "");
}

const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
