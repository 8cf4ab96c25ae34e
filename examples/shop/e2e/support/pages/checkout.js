export class CheckoutPage {
  constructor(page) {
    this.page = page;
    this.address = page.getByLabel("Delivery address");
    this.card = page.getByLabel("Card number");
    this.place = page.getByRole("button", { name: "Place order" });
    this.refused = page.getByRole("alert");
  }

  async open() {
    await this.page.goto("/checkout");
  }

  async pay({ address, card }) {
    await this.address.fill(address);
    await this.card.fill(card);
    await this.place.click();
  }
}
