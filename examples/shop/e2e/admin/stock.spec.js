import { ADMIN, expect, test } from "../support/test.js";

test.describe("stock", () => {
  test.beforeEach(async ({ signIn, staff }) => {
    await signIn(ADMIN);
    await staff.open("stock");
  });

  test("shows what runs low", async ({ staff }) => {
    await expect(staff.lowOnStock).toHaveText(["Jasmine Pearls: 8", "Gooseneck Kettle: 5", "Pocket Scale: 0"]);
  });

  test("a delivery makes a sold-out product available", async ({ staff, product }) => {
    await staff.bookStock({ product: "scale", pieces: 20, reason: "delivery" });
    await expect(staff.said).toHaveText("Pocket Scale: 20 in stock.");
    await expect(staff.movements.first()).toContainText("+20");
    await product.open("scale");
    await expect(product.buy).toHaveText("Add to cart");
  });

  test("never falls below zero", async ({ staff }) => {
    await staff.bookStock({ product: "kettle", pieces: -6, reason: "breakage" });
    await expect(staff.refused).toHaveText("Only 5 of Gooseneck Kettle left.");
    await expect(staff.movements).toHaveCount(0);
  });
});
