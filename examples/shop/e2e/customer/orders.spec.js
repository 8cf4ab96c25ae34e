import { CUSTOMER, expect, test } from "../support/test.js";

// Slow on purpose: both tests follow an order through the shop for as long as the shop takes.
test.describe("following an order", () => {
  test.beforeEach(({ signIn }) => signIn(CUSTOMER));

  test("it is received, paid and packed while one watches", async ({ placeOrder, order }) => {
    const { number } = await placeOrder({ jasmine: 1 });
    await order.open(number);
    for (const state of ["received", "paid", "packed"]) await expect(order.state).toHaveText(state);
  });

  test("a paid order can still be cancelled, and its goods return", async ({ placeOrder, order, product }) => {
    const { number } = await placeOrder({ kettle: 5 });
    await order.open(number);
    await expect(order.state).toHaveText("paid");
    await order.cancel.click();
    await expect(order.state).toHaveText("cancelled");
    await expect(order.cancel).toHaveCount(0);
    await product.open("kettle");
    await expect(product.buy).toHaveText("Add to cart");
  });
});
