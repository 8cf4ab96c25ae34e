// Which Chromium the specs use, and how it is started.

import { existsSync } from "node:fs";

const INSTALLED = [
  "/usr/bin/chromium-headless-shell",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Keeps the browser from calling home: a test machine may have no way out, and refused connections cost time. */
const QUIET = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
];

/**
 * The browser of the system, so that nothing is downloaded: `CHROMIUM` if set, else the first one that is
 * installed (the headless shell starts fastest), else the one that Playwright brings itself.
 */
export function chromiumLaunchOptions() {
  const isRoot = process.getuid?.() === 0;
  return {
    executablePath: process.env.CHROMIUM || INSTALLED.find((path) => existsSync(path)),
    // Chromium's sandbox refuses to start for root, as in containers and on CI.
    chromiumSandbox: !isRoot,
    args: ["--disable-gpu", ...QUIET],
  };
}
