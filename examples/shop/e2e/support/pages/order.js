export class OrderPage {
  constructor(page) {
    this.page = page;
    this.title = page.getByRole("heading", { level: 1 });
    this.state = page.getByTestId("state");
    this.lines = page.getByRole("listitem");
    this.total = page.getByTestId("total");
    this.cancel = page.getByRole("button", { name: "Cancel order" });
  }

  async open(number) {
    await this.page.goto(`/orders/${number}`);
  }
}
