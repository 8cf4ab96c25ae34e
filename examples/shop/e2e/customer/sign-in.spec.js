import { CUSTOMER, expect, test } from "../support/test.js";

const NEWCOMER = { name: "New Customer", email: "newcomer@shop.example", password: "a-long-one" };

test.describe("signing in", () => {
  test.beforeEach(({ login }) => login.open());

  test("shows one's name in the header until one signs out", async ({ page, login }) => {
    await login.signIn(CUSTOMER);
    await expect(page.getByRole("link", { name: CUSTOMER.name })).toBeVisible();
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page.getByRole("link", { name: "Sign in" })).toBeVisible();
  });

  test("is refused with a wrong password", async ({ login }) => {
    await login.signIn({ ...CUSTOMER, password: "not-this-one" });
    await expect(login.refused).toHaveText("E-mail or password is wrong.");
  });

  test("goes on to the page that asked for it", async ({ page, login }) => {
    await page.goto("/account");
    await login.signIn(CUSTOMER);
    await expect(page).toHaveURL(/\/account$/);
    await expect(page.getByRole("heading", { name: "Your account" })).toBeVisible();
  });

  test("comes with registering, if the address is not taken", async ({ page, login }) => {
    await login.register({ ...NEWCOMER, email: CUSTOMER.email });
    await expect(login.refused).toHaveText("There is already an account with this address.");
    await login.register(NEWCOMER);
    await expect(page.getByRole("link", { name: NEWCOMER.name })).toBeVisible();
  });
});
