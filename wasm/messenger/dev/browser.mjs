// Opens the page with scripted people in a Chromium, for the other scripts here.
import { chromium } from "playwright-core";
import { serve } from "./serve.mjs";

const FLAGS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync", "--no-first-run"],
];

export async function open() {
  const served = await serve();
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
  return {
    /** A fresh page; what it says against itself goes to `problems`. */
    async page(options, problems = []) {
      const context = await browser.newContext({ locale: "en-GB", ...options });
      const page = await context.newPage();
      page.on("console", (said) => said.type() === "error" && problems.push(said.text()));
      page.on("pageerror", (error) => problems.push(String(error)));
      await page.goto(served.url);
      return page;
    },
    async close() {
      await browser.close();
      served.close();
    },
  };
}

export async function signIn(page) {
  await page.fill("#user", "alice");
  await page.fill("#password", "alice");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".line");
  await page.waitForTimeout(80);
}

export const talkTo = (page, user) => page.click(`.list .line[data-user=${user}]`);
export const happen = (page, call, ...args) =>
  page.evaluate(([name, given]) => globalThis.fake[name](...given), [call, args]);

/** Every screen worth looking at: its name, and how to get there. */
export const SCREENS = {
  signin: async () => {},
  refused: async (page) => {
    await page.fill("#user", "alice");
    await page.fill("#password", "guess");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".problem:not(:empty)");
  },
  list: async (page) => {
    await signIn(page);
    await happen(page, "say", "carol", "are you there?");
    await happen(page, "say", "carol", "it is about the cake");
    await happen(page, "say", "kim", "written before I left");
  },
  talk: async (page) => {
    await signIn(page);
    await talkTo(page, "bob");
    await page.keyboard.type("then we eat from it");
    await page.keyboard.press("Enter");
    await happen(page, "emit", { event: "typing", user: "bob" });
  },
  many: async (page) => {
    await signIn(page);
    for (const user of ["bob", "fatima", "carol"]) {
      await talkTo(page, user);
      if (page.viewportSize().width < 640) await page.click(".window:not([hidden]) .back");
    }
    await talkTo(page, "carol");
    await happen(page, "say", "bob", "I am sanding the table now");
  },
  offline: async (page) => {
    await signIn(page);
    await talkTo(page, "bob");
    await page.keyboard.type("fail");
    await page.keyboard.press("Enter");
    await happen(page, "cut", 4000);
    await page.keyboard.type("can you still hear me?");
    await page.keyboard.press("Enter");
  },
  status: async (page) => {
    await signIn(page);
    await page.click(".me-frame");
  },
  add: async (page) => {
    await signIn(page);
    await page.click("[aria-label='Add a contact']");
    await page.keyboard.type("nobody");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog .problem:not(:empty)");
  },
};
