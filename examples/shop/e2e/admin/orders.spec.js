import { ADMIN, CUSTOMER, expect, test } from "../support/test.js";

test.describe("orders, seen by the staff", () => {
  // Slow on purpose: the shop takes its time to pack an order, and the page must follow it.
  test("a packed order can be shipped", async ({ signIn, placeOrder, staff }) => {
    await signIn(CUSTOMER);
    const { number } = await placeOrder({ mug: 2 });
    await signIn(ADMIN);
    await staff.open("orders");

    const row = staff.order(number);
    const ship = row.getByRole("button", { name: "Ship" });
    await expect(row.getByTestId("state")).toHaveText("received");
    await expect(ship).toBeDisabled();

    await expect(row.getByTestId("state")).toHaveText("packed");
    await ship.click();
    await expect(row.getByTestId("state")).toHaveText("shipped");
  });
});
