import { defineConfig } from "@playwright/test";

import { chromiumLaunchOptions } from "./e2e/support/chromium.js";

export default defineConfig({
  testDir: "e2e",
  testMatch: "**/*.spec.js",
  timeout: 60_000,
  // Generous: on a busy machine a page may need seconds, and a spec that passes does not wait for it.
  expect: { timeout: 15_000 },
  // Each test starts a shop of its own (see e2e/support/test.js), so nothing is shared between them.
  fullyParallel: false,
  forbidOnly: Boolean(process.env.CI),
  reporter: "list",
  use: {
    browserName: "chromium",
    launchOptions: chromiumLaunchOptions(),
    viewport: { width: 1280, height: 800 },
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
  },
});
