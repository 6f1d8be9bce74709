// People in browsers of their own, each doing what a person does.
import { chromium } from "playwright-core";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
FLAGS.push("--disable-component-update", "--disable-sync", "--disable-quic", "--no-first-run");
const SOON = 20_000;

export async function launch() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: FLAGS });
}

export class Person {
  /** Opens the page in a profile of its own and signs in by hand. */
  static async signIn(browser, url, name, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(SOON);
    const problems = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (line) => {
      // A socket that the server's end closed is said there too, and is no fault of the page.
      if (line.type() === "error" && !/WebSocket/.test(line.text())) problems.push(line.text());
    });
    await page.goto(url);
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Password").fill(name);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator(".me-frame").waitFor();
    return new Person(name, page, problems);
  }

  constructor(name, page, problems) {
    Object.assign(this, { name, page, problems });
  }

  line(user) {
    return this.page.locator(`.line[data-user=${user}]`);
  }

  async sees(user, status) {
    await this.line(user).filter({ hasText: `, ${status}. ` }).waitFor();
  }

  async choose(status) {
    await this.page.locator(".me-frame").click();
    await this.page.getByRole("menuitemradio", { name: status }).click();
  }

  async open(user) {
    await this.line(user).click();
    await this.window(user).waitFor();
  }

  window(user) {
    return this.page.locator(`.window[data-user=${user}]`);
  }

  async say(user, text) {
    const field = this.window(user).locator("textarea");
    await field.fill(text);
    await field.press("Enter");
  }

  async hears(user, text) {
    await this.window(user).locator(".said", { hasText: text }).first().waitFor();
  }

  /** Everything said in the window, in order. */
  said(user) {
    return this.window(user).locator(".said").allTextContents();
  }
}
