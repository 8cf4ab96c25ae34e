import { ADMIN, CUSTOMER, expect, test } from "../support/test.js";

test.describe("staff pages", () => {
  test("ask a guest to sign in", async ({ staff, login }) => {
    await staff.open("stock");
    await expect(login.signInForm).toBeVisible();
  });

  test("are closed to customers", async ({ signIn, staff }) => {
    await signIn(CUSTOMER);
    await staff.open();
    await expect(staff.refused).toHaveText("Only the shop's staff may see this page.");
  });

  test("open for staff from the header", async ({ page, signIn, catalogue, staff }) => {
    await signIn(ADMIN);
    await catalogue.open();
    await page.getByRole("link", { name: "Staff" }).click();
    await expect(staff.title).toHaveText("Products");
  });
});
