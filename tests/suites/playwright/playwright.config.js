// Uses the browser that the system has: set CHROMIUM to its path where it is not in the usual place.
const { defineConfig } = require('@playwright/test');

module.exports = defineConfig({
  testDir: 'tests',
  workers: 1,
  reporter: 'line',
  use: { launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium' } },
});
