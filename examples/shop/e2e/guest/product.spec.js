import { expect, test } from "../support/test.js";

test.describe("a product page", () => {
  test("opens from the catalogue", async ({ page, catalogue, product }) => {
    await catalogue.open();
    await page.getByRole("link", { name: "Gooseneck Kettle" }).click();
    await expect(product.title).toHaveText("Gooseneck Kettle");
    await expect(page.getByText("€69.00")).toBeVisible();
    await expect(page.getByText("Only 5 left")).toBeVisible();
  });

  test("does not sell what is sold out", async ({ product }) => {
    await product.open("scale");
    await expect(product.buy).toBeDisabled();
    await expect(product.buy).toHaveText("Sold out");
  });

  test("does not exist for an unknown product", async ({ product }) => {
    await product.open("samovar");
    await expect(product.refused).toHaveText("There is no such product.");
  });
});
