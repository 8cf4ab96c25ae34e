import { CUSTOMER, expect, test } from "../support/test.js";

test.describe("the account", () => {
  test.beforeEach(({ signIn }) => signIn(CUSTOMER));

  test("keeps a new name and address", async ({ page, checkout, fillCart }) => {
    await page.goto("/account");
    const details = page.getByRole("form", { name: "Details" });
    await details.getByLabel("Name").fill("Renamed Customer");
    await details.getByLabel("Delivery address").fill("7 Harbour Road");
    await details.getByRole("button", { name: "Save" }).click();
    await expect(page.getByRole("link", { name: "Renamed Customer" })).toBeVisible();

    await fillCart({ tin: 1 });
    await checkout.open();
    await expect(checkout.address).toHaveValue("7 Harbour Road");
  });

  test("lists orders, the newest first", async ({ page, placeOrder }) => {
    await placeOrder({ mug: 1 });
    await placeOrder({ kettle: 1 });
    await page.goto("/account");
    const rows = page.getByRole("table", { name: "Orders" }).locator("tbody tr");
    await expect(rows).toHaveText([/^1002.*€69\.00$/, /^1001.*€16\.40$/]);
  });
});
