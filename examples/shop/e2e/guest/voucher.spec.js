// FLAKY ON PURPOSE: fails at the first attempt and passes at the second, so that there is a retry to look at.
//
// It fails the way real flaky specs do: the shop is slow to answer and the test does not wait long enough. Which
// attempt this is comes from PART_ATTEMPT (1 for the first) or, without Part, from Playwright's own retries.

import { expect, test } from "../support/test.js";

const SLOW_MS = 60_000;
const PATIENCE_MS = 4_000;

const isFirstAttempt = (testInfo) => Number(process.env.PART_ATTEMPT ?? testInfo.retry + 1) === 1;

test.use({
  shopOptions: async ({}, use, testInfo) => use(isFirstAttempt(testInfo) ? { voucherMs: SLOW_MS } : {}),
});

test("the voucher of the day appears on the first page", async ({ catalogue }) => {
  await catalogue.open();
  await expect(catalogue.voucher).toContainText("WELCOME10", { timeout: PATIENCE_MS });
});
