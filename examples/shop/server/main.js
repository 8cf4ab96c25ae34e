// Starts the shop: `node server/main.js [--port 4173] [--processing-ms N] [--report-ms N] [--voucher-ms N]`.
//
// The first line on standard output tells the address, so that a test can ask for port 0 and learn what it got.
// With --exit-with-stdin the shop ends when its standard input closes: a test process that is killed outright
// cannot leave a shop behind.

import { createShopServer } from "./app.js";
import { readOptions, UsageError } from "./options.js";

function main() {
  const options = readOptions(process.argv.slice(2));
  const server = createShopServer(options);

  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  if (options.exitWithStdin) {
    process.stdin.once("close", stop).resume();
  }

  server.once("error", (error) => {
    console.error(`cannot listen on port ${options.port}: ${error.message}`);
    process.exitCode = 1;
  });
  server.listen(options.port, "127.0.0.1", () => {
    console.log(`shop listening on http://127.0.0.1:${server.address().port}`);
  });
}

try {
  main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
