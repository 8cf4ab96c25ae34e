export class ProductPage {
  constructor(page) {
    this.page = page;
    this.title = page.getByRole("heading", { level: 1 });
    this.quantity = page.getByLabel("Quantity");
    this.buy = page.getByRole("form", { name: "Buy" }).getByRole("button");
    this.said = page.getByRole("status");
    this.refused = page.getByRole("alert");
    this.cartCount = page.getByTestId("cart-count");
  }

  async open(id) {
    await this.page.goto(`/products/${id}`);
  }

  async addToCart(quantity = 1) {
    await this.quantity.fill(String(quantity));
    await this.buy.click();
  }
}
