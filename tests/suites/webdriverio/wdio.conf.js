// Uses the browser and the driver that the system has, so that nothing is downloaded: set CHROMIUM and
// CHROMEDRIVER to their paths where they are not in the usual places.
export const config = {
  runner: 'local',
  framework: 'mocha',
  mochaOpts: { ui: 'bdd', timeout: 30_000 },
  reporters: ['spec'],
  logLevel: 'error',
  specs: ['./test/**/*.e2e.js'],
  capabilities: [
    {
      browserName: 'chrome',
      'goog:chromeOptions': {
        binary: process.env.CHROMIUM ?? '/usr/bin/chromium',
        args: ['--headless=new', '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
      },
      'wdio:chromedriverOptions': { binary: process.env.CHROMEDRIVER ?? '/usr/bin/chromedriver' },
      'wdio:enforceWebDriverClassic': true,
    },
  ],
};
