// The command line of the shop. Every waiting time is an option, so that a test can say what it waits for.

export class UsageError extends Error {}

export const DEFAULTS = Object.freeze({
  /** TCP port; 0 asks the system for a free one. */
  port: 4173,
  /** Milliseconds an order spends in each of the states "received" and "paid". */
  processingMs: 1800,
  /** Milliseconds a sales report takes; a stock report takes half of it. */
  reportMs: 4000,
  /** Milliseconds until the voucher of the day is handed out. */
  voucherMs: 150,
  /** End when standard input closes. */
  exitWithStdin: false,
});

const NUMBERS = {
  "--port": "port",
  "--processing-ms": "processingMs",
  "--report-ms": "reportMs",
  "--voucher-ms": "voucherMs",
};

export function readOptions(args) {
  const options = { ...DEFAULTS };
  for (let i = 0; i < args.length; i += 1) {
    if (args[i] === "--exit-with-stdin") {
      options.exitWithStdin = true;
      continue;
    }
    const name = NUMBERS[args[i]];
    if (!name) throw new UsageError(`unknown option ${args[i]}; known: ${Object.keys(NUMBERS).join(", ")}, --exit-with-stdin`);
    const value = Number(args[i + 1]);
    if (!Number.isInteger(value) || value < 0) throw new UsageError(`${args[i]} needs a whole number, got ${args[i + 1]}`);
    options[name] = value;
    i += 1;
  }
  return options;
}
