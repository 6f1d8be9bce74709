// A whole talk by keyboard alone: finding, writing, switching, closing, editing, answering.
import assert from "node:assert/strict";
import { happen, open, signIn } from "./browser.mjs";

const problems = [];
const browser = await open();
const page = await browser.page({ viewport: { width: 1280, height: 800 } }, problems);
const press = async (...keys) => {
  for (const key of keys) await page.keyboard.press(key);
  await page.waitForTimeout(30);
};
const type = (words) => page.keyboard.type(words);
const focused = () =>
  page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent);
const active = () => page.evaluate(() => document.querySelector(".window[data-active] h2")?.textContent);
const count = (selector) => page.locator(selector).count();

await signIn(page);

await press("/");
await type("bo");
await press("Enter");
assert.equal(await focused(), "Message to Bob");
await type("one");
await press("Shift+Enter");
await type("two");
await press("Enter");
assert.equal(await page.locator(".window .said").last().textContent(), "one\ntwo");

await page.focus(".line[data-user=bob]");
await press("Enter");
assert.equal(await focused(), "Message to Bob", "calling the open one leads there too");

await happen(page, "say", "carol", "there?");
assert.equal(await page.title(), "(1) Presently");
await press("Alt+ArrowRight");
assert.equal(await focused(), "Message to Bob", "one conversation alone stays");
await page.focus("main");
await press("/");
await type("carol");
await press("ArrowDown", "Enter");
assert.equal(await focused(), "Message to Carol");
assert.equal(await page.title(), "Presently");
await press("Alt+ArrowLeft");
assert.equal(await active(), "Bob");
await press("Alt+ArrowDown");
assert.equal(await active(), "Carol");
await type("a draft");
await press("Escape");
assert.equal(await active(), "Bob", "Escape closes what opened last");
await press("Escape");
assert.equal(await count(".window"), 0);
assert.match(await focused(), /Bob/, "and the keyboard is back in the list");
await press("ArrowDown", "Enter");
assert.equal(await active(), "Carol");
assert.equal(await page.inputValue(".window textarea"), "a draft");
await press("Escape");

await page.focus(".me-frame");
await press("Enter", "ArrowDown", "Enter");
assert.equal(await focused(), "My status: Busy");
await press("Enter", "Escape");
assert.equal(await focused(), "My status: Busy", "Escape leaves the menu");
await press("Tab", "Tab", "Enter");
await type("sanding");
await press("Escape");
assert.equal(await page.textContent(".my-message button"), "first snow!", "Escape undoes");
await press("Enter");
await type("sanding");
await press("Enter");
assert.equal(await page.textContent(".my-message button"), "sanding");

await page.focus("text=Accept");
await press("Enter");
assert.equal(await count(".invitation"), 0);
assert.equal(await count(".line[data-user=noor]"), 1);

await page.focus("[aria-label='Add a contact']");
await press("Enter");
await type("nobody");
await press("Enter");
assert.equal(await count("dialog .problem:not(:empty)"), 1);
await press("Control+a");
await type("pia");
await press("Tab");
await type("from the choir");
await press("Tab", "Tab", "Enter");
assert.equal(await count("dialog"), 0);
assert.equal(await count(".line[data-user=pia]"), 1);

await happen(page, "cut", 3000);
await page.waitForTimeout(30);
assert.match(await page.textContent(".bar"), /No connection, trying again in 3 s/);
await press("/");
await type("bob");
await press("Enter");
await type("later");
await press("Enter");
assert.equal(await count("[data-state=waiting]"), 1);
await happen(page, "back");
await page.waitForTimeout(50);
assert.equal(await count("[data-state=waiting]"), 0, "what waited has gone out");
assert.equal(await count(".bar[data-kind]"), 0);
assert.equal(await page.locator(".said", { hasText: "later" }).count(), 1, "once");

assert.deepEqual(problems, []);
await browser.close();
console.log("a whole talk by keyboard: ok");
