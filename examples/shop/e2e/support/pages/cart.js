export class CartPage {
  constructor(page) {
    this.page = page;
    this.rows = page.getByRole("table").locator("tbody tr");
    this.goods = page.getByTestId("goods");
    this.discount = page.getByTestId("discount");
    this.shipping = page.getByTestId("shipping");
    this.total = page.getByTestId("total");
    this.refused = page.getByRole("alert");
    this.checkOut = page.getByRole("link", { name: "Check out" });
  }

  async open() {
    await this.page.goto("/cart");
  }

  quantity(name) {
    return this.page.getByLabel(`Quantity of ${name}`);
  }

  async setQuantity(name, quantity) {
    await this.quantity(name).fill(String(quantity));
    await this.quantity(name).press("Tab");
  }

  async remove(name) {
    await this.rows.filter({ hasText: name }).getByRole("button", { name: "Remove" }).click();
  }

  async redeem(code) {
    await this.page.getByLabel("Voucher", { exact: true }).and(this.page.getByRole("textbox")).fill(code);
    await this.page.getByRole("button", { name: "Redeem" }).click();
  }
}
