// The staff's four pages: products, stock, orders, reports.

export class StaffPages {
  constructor(page) {
    this.page = page;
    this.title = page.getByRole("heading", { level: 1 });
    this.said = page.getByRole("status");
    this.refused = page.getByRole("alert");
    this.lowOnStock = page.getByRole("list", { name: "Low on stock" }).getByRole("listitem");
    this.movements = page.getByRole("table", { name: "Movements" }).locator("tbody tr");
    this.reportState = page.getByTestId("state");
    this.reportRows = page.getByRole("table", { name: /report$/ }).locator("tbody tr");
  }

  async open(section = "") {
    await this.page.goto(`/admin${section && `/${section}`}`);
  }

  product(name) {
    return this.page.getByRole("table", { name: "Products" }).getByRole("row").filter({ hasText: name });
  }

  async changePrice(name, price) {
    await this.page.getByLabel(`New price of ${name}`).fill(price);
    await this.product(name).getByRole("button", { name: "Change" }).click();
  }

  listed(name) {
    return this.page.getByLabel(`${name} is listed`);
  }

  async addProduct({ name, price, category }) {
    const form = this.page.getByRole("form", { name: "New product" });
    await form.getByLabel("Name").fill(name);
    await form.getByLabel("Price").fill(price);
    await form.getByLabel("Category").selectOption(category);
    await form.getByRole("button", { name: "Add product" }).click();
  }

  async bookStock({ product, pieces, reason }) {
    const form = this.page.getByRole("form", { name: "Book stock" });
    await form.getByLabel("Product").selectOption(product);
    await form.getByLabel("Pieces").fill(String(pieces));
    await form.getByLabel("Reason").fill(reason);
    await form.getByRole("button", { name: "Book" }).click();
  }

  order(number) {
    return this.page.getByRole("table", { name: "Orders" }).getByRole("row").filter({ hasText: number });
  }

  async makeReport(name) {
    await this.page.getByRole("button", { name }).click();
  }
}
