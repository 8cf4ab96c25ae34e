import { ADMIN, CUSTOMER, expect, test } from "../support/test.js";

// The slowest spec of the suite, on purpose: reports take their time, and there are two of them.
test.describe("reports", () => {
  test("sales, most valuable first", async ({ signIn, placeOrder, staff }) => {
    await signIn(CUSTOMER);
    await placeOrder({ mug: 2, kettle: 1 });
    await placeOrder({ mug: 3 });
    await signIn(ADMIN);
    await staff.open("reports");

    await staff.makeReport("Sales report");
    await expect(staff.reportState).toHaveText("done");
    await expect(staff.reportRows).toHaveText(["Gooseneck Kettle1€69.00", "Speckled Mug5€57.50"]);
  });

  test("stock, as a file", async ({ page, signIn, staff }) => {
    await signIn(ADMIN);
    await staff.open("reports");
    await staff.makeReport("Stock report");
    await expect(staff.reportRows).toHaveCount(12);

    const downloading = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download as CSV" }).click();
    expect((await downloading).suggestedFilename()).toBe("report-1.csv");
  });
});
