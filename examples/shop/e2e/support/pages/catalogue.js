export class CataloguePage {
  constructor(page) {
    this.page = page;
    this.cards = page.getByRole("list", { name: "Products" }).getByRole("listitem");
    this.names = this.cards.getByRole("heading");
    this.count = page.getByTestId("result-count");
    this.search = page.getByRole("searchbox", { name: "Search" });
    this.category = page.getByLabel("Category");
    this.order = page.getByLabel("Order");
    this.voucher = page.getByTestId("voucher");
  }

  async open() {
    await this.page.goto("/");
  }

  card(name) {
    return this.cards.filter({ hasText: name });
  }
}
