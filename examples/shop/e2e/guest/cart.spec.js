import { CUSTOMER, expect, test } from "../support/test.js";

test.describe("a guest's cart", () => {
  test("counts in the header", async ({ product }) => {
    await product.open("mug");
    await product.addToCart(2);
    await expect(product.said).toHaveText("Speckled Mug is in your cart.");
    await expect(product.cartCount).toHaveText("2");
  });

  test("adds up, with shipping until €50", async ({ fillCart, cart }) => {
    await fillCart({ mug: 2 });
    await cart.open();
    await expect(cart.shipping).toHaveText("€4.90");
    await cart.setQuantity("Speckled Mug", 5);
    await expect(cart.goods).toHaveText("€57.50");
    await expect(cart.shipping).toHaveText("€0.00");
    await expect(cart.total).toHaveText("€57.50");
  });

  test("takes a voucher once it is a good one", async ({ fillCart, cart }) => {
    await fillCart({ kettle: 1 });
    await cart.open();
    await cart.redeem("MAGIC");
    await expect(cart.refused).toHaveText("We do not know that voucher.");
    await cart.redeem("welcome10");
    await expect(cart.discount).toHaveText("−€6.90");
    await expect(cart.total).toHaveText("€62.10");
  });

  test("holds no more than there is", async ({ fillCart, cart }) => {
    await fillCart({ kettle: 1 });
    await cart.open();
    await cart.setQuantity("Gooseneck Kettle", 6);
    await expect(cart.refused).toHaveText("Only 5 of Gooseneck Kettle left.");
    await expect(cart.quantity("Gooseneck Kettle")).toHaveValue("1");
  });

  test("can be emptied", async ({ page, fillCart, cart }) => {
    await fillCart({ tin: 1 });
    await cart.open();
    await cart.remove("Storage Tin");
    await expect(page.getByText("Your cart is empty.")).toBeVisible();
  });

  test("survives signing in on the way to the checkout", async ({ fillCart, cart, login, checkout, page }) => {
    await fillCart({ teapot: 1 });
    await cart.open();
    await cart.checkOut.click();
    await login.signIn(CUSTOMER);
    await expect(checkout.place).toBeVisible();
    await expect(page.getByText("1 × Stoneware Teapot")).toBeVisible();
  });
});
