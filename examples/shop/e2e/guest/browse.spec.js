import { expect, test } from "../support/test.js";

test.describe("browsing", () => {
  test.beforeEach(({ catalogue }) => catalogue.open());

  test("shows every listed product", async ({ catalogue }) => {
    await expect(catalogue.cards).toHaveCount(12);
    await expect(catalogue.count).toHaveText("12 products");
  });

  test("narrows down by category", async ({ catalogue }) => {
    await catalogue.category.selectOption("pots");
    await expect(catalogue.names).toHaveText(["Gooseneck Kettle", "Stoneware Teapot"]);
  });

  test("orders by price", async ({ catalogue }) => {
    await catalogue.category.selectOption("cups");
    await catalogue.order.selectOption("Price, highest first");
    await expect(catalogue.names).toHaveText(["Double-wall Cup", "Speckled Mug"]);
  });
});
