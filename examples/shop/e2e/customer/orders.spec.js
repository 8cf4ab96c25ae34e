import { CUSTOMER, expect, test } from "../support/test.js";

// Slow on purpose: both tests follow an order through the shop for as long as the shop takes.
test.describe("following an order", () => {
  test.beforeEach(({ signIn }) => signIn(CUSTOMER));

  test("it is packed while one watches", async ({ placeOrder, order }) => {
    const { number, state } = await placeOrder({ jasmine: 1 });
    expect(state).toBe("received");
    await order.open(number);
    await expect(order.state).toHaveText("packed");
  });

  test("a paid order can still be cancelled, and its goods return", async ({ placeOrder, order, product }) => {
    const { number } = await placeOrder({ kettle: 5 });
    await order.open(number);
    await expect(order.state).toHaveText(/paid|packed/);
    await order.cancel.click();
    await expect(order.state).toHaveText("cancelled");
    await expect(order.cancel).toHaveCount(0);
    await product.open("kettle");
    await expect(product.buy).toHaveText("Add to cart");
  });
});
