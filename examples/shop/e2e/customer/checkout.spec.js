import { CUSTOMER, DECLINED_CARD, expect, GOOD_CARD, test } from "../support/test.js";

const ADDRESS = "12 Canal Street";

test.describe("checkout", () => {
  test.beforeEach(async ({ signIn, fillCart }) => {
    await signIn(CUSTOMER);
    await fillCart({ teapot: 1, "earl-grey": 2 });
  });

  test("turns the cart into an order", async ({ page, cart, checkout, order }) => {
    await cart.open();
    await cart.checkOut.click();
    await checkout.pay({ address: ADDRESS, card: GOOD_CARD });

    await expect(order.title).toHaveText("Order 1001");
    await expect(order.lines).toHaveText(["1 × Stoneware Teapot", "2 × Earl Grey"]);
    await expect(order.total).toHaveText("€61.80");
    await expect(page.getByTestId("cart-count")).toHaveText("0");
  });

  test("a declined card leaves everything as it was", async ({ page, checkout }) => {
    await checkout.open();
    await checkout.pay({ address: ADDRESS, card: DECLINED_CARD });
    await expect(checkout.refused).toHaveText("Your bank declined the card.");
    await expect(page.getByTestId("cart-count")).toHaveText("3");
  });

  test("takes the goods out of stock", async ({ fillCart, checkout, order, product }) => {
    await fillCart({ kettle: 5 });
    await checkout.open();
    await checkout.pay({ address: ADDRESS, card: GOOD_CARD });
    await expect(order.state).toBeVisible();
    await product.open("kettle");
    await expect(product.buy).toHaveText("Sold out");
  });
});
