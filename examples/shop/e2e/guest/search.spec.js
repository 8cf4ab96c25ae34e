import { expect, test } from "../support/test.js";

const FOUND = [
  { text: "mug", names: ["Speckled Mug"] },
  { text: "TEA bergamot", names: ["Earl Grey"] },
  { text: "rooibos", names: ["Fine Strainer", "Rooibos Vanilla"] },
  { text: "samovar", names: [] },
];

test.describe("searching", () => {
  test.beforeEach(({ catalogue }) => catalogue.open());

  test("looks at names and descriptions, for every word", async ({ catalogue }) => {
    for (const { text, names } of FOUND) {
      await test.step(`"${text}" finds ${names.join(" and ") || "nothing"}`, async () => {
        await catalogue.search.fill(text);
        await expect(catalogue.names).toHaveText(names);
      });
    }
  });

  test("finds everything again once it is cleared", async ({ catalogue }) => {
    await catalogue.search.fill("mug");
    await expect(catalogue.count).toHaveText("1 product");
    await catalogue.search.clear();
    await expect(catalogue.count).toHaveText("12 products");
  });
});
