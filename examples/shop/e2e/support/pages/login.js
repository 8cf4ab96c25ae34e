export class LoginPage {
  constructor(page) {
    this.page = page;
    this.signInForm = page.getByRole("form", { name: "Sign in" });
    this.registerForm = page.getByRole("form", { name: "Register" });
    this.refused = page.getByRole("alert");
  }

  async open() {
    await this.page.goto("/login");
  }

  async signIn({ email, password }) {
    await this.signInForm.getByLabel("E-mail").fill(email);
    await this.signInForm.getByLabel("Password").fill(password);
    await this.signInForm.getByRole("button", { name: "Sign in" }).click();
  }

  async register({ name, email, password }) {
    await this.registerForm.getByLabel("Name").fill(name);
    await this.registerForm.getByLabel("E-mail").fill(email);
    await this.registerForm.getByLabel("Password").fill(password);
    await this.registerForm.getByRole("button", { name: "Create account" }).click();
  }
}
