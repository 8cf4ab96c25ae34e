import { ADMIN, CUSTOMER, expect, test } from "../support/test.js";

test.describe("orders, seen by the staff", () => {
  test.describe("in a shop that never gets on", () => {
    test.use({ shopOptions: { processingMs: 600_000 } });

    test("cannot be shipped before they are packed", async ({ signIn, placeOrder, staff }) => {
      await signIn(CUSTOMER);
      const { number } = await placeOrder({ mug: 2 });
      await signIn(ADMIN);
      await staff.open("orders");
      await expect(staff.order(number).getByTestId("state")).toHaveText("received");
      await expect(staff.order(number).getByRole("button", { name: "Ship" })).toBeDisabled();
    });
  });

  // Slow on purpose: the shop takes its time to pack an order, and the page must follow it.
  test("a packed order can be shipped", async ({ signIn, placeOrder, staff }) => {
    await signIn(CUSTOMER);
    const { number } = await placeOrder({ mug: 2 });
    await signIn(ADMIN);
    await staff.open("orders");

    const row = staff.order(number);
    await expect(row.getByTestId("state")).toHaveText("packed");
    await row.getByRole("button", { name: "Ship" }).click();
    await expect(row.getByTestId("state")).toHaveText("shipped");
  });
});
