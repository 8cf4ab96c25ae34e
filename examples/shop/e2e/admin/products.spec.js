import { ADMIN, expect, test } from "../support/test.js";

test.describe("product editing", () => {
  test.beforeEach(async ({ signIn, staff }) => {
    await signIn(ADMIN);
    await staff.open();
  });

  test("a new price shows in the shop", async ({ staff, catalogue }) => {
    await staff.changePrice("Speckled Mug", "13.90");
    await expect(staff.product("Speckled Mug")).toContainText("€13.90");
    await catalogue.open();
    await expect(catalogue.card("Speckled Mug")).toContainText("€13.90");
  });

  test("a price that is no amount is refused", async ({ staff }) => {
    await staff.changePrice("Speckled Mug", "cheap");
    await expect(staff.refused).toHaveText("That price will not do.");
    await expect(staff.product("Speckled Mug")).toContainText("€11.50");
  });

  test("a product that is not listed disappears", async ({ staff, catalogue }) => {
    const saved = staff.page.waitForResponse((response) => response.request().method() === "PATCH");
    await staff.listed("Sand Timer").uncheck();
    await saved;
    await catalogue.open();
    await expect(catalogue.count).toHaveText("11 products");
    await expect(catalogue.card("Sand Timer")).toHaveCount(0);
  });

  test("a new product can be found", async ({ staff, catalogue }) => {
    await staff.addProduct({ name: "Bamboo Whisk", price: "18,00", category: "tools" });
    await expect(staff.said).toHaveText("Bamboo Whisk is in the catalogue.");
    await catalogue.open();
    await catalogue.search.fill("whisk");
    await expect(catalogue.names).toHaveText(["Bamboo Whisk"]);
  });

  test("a name can be taken only once", async ({ staff }) => {
    await staff.addProduct({ name: "Speckled Mug", price: "1.00", category: "cups" });
    await expect(staff.refused).toContainText("already a product");
  });
});
