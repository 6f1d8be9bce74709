// The page on a real server, in real browsers. Each step prints a line; the last line is the count.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { launch, Person } from "./people.mjs";
import { Server } from "./server.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const counts = { passed: 0, failed: 0 };

async function step(name, work) {
  try {
    await work();
    counts.passed += 1;
    console.log(`ok   ${name}`);
  } catch (error) {
    counts.failed += 1;
    console.log(`FAIL ${name}: ${error.stack}`);
  }
}

async function serious(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes[0].html.slice(0, 120)}`);
}

const server = new Server();
await server.start();
const browser = await launch();
let alice;
let bob;

await step("a wrong password is refused on the page", async () => {
  const page = await (await browser.newContext({ bypassCSP: true })).newPage();
  await page.goto(server.url);
  await page.getByLabel("Name").fill("alice");
  await page.getByLabel("Password").fill("not it");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: /wrong/i }).waitFor();
  assert.deepEqual(await serious(page), []);
  await page.context().close();
});

await step("alice and bob sign in and see each other", async () => {
  alice = await Person.signIn(browser, server.url, "alice", { bypassCSP: true });
  bob = await Person.signIn(browser, server.url, "bob", { bypassCSP: true });
  await alice.sees("bob", "Online");
  await bob.sees("alice", "Online");
});

await step("the page fills the screen, with and without the line at the top", async () => {
  const bottom = () => alice.page.evaluate(() => document.querySelector(".people").getBoundingClientRect().bottom);
  assert.equal(await bottom(), 800);
});

await step("each sees the other's status change", async () => {
  await alice.choose("Busy");
  await bob.sees("alice", "Busy");
  await bob.choose("Away");
  await alice.sees("bob", "Away");
  await alice.choose("Online");
  await bob.sees("alice", "Online");
});

await step("they talk", async () => {
  await alice.open("bob");
  await bob.open("alice");
  await alice.say("bob", "Are you coming to the lake on Sunday?");
  await bob.hears("alice", "Are you coming to the lake");
  await bob.say("alice", "If the ice holds!");
  await alice.hears("bob", "If the ice holds!");
  for (let n = 0; n < 20; n += 1) await alice.say("bob", `line ${n}`);
  await bob.hears("alice", "line 19");
  assert.deepEqual(await alice.said("bob"), await bob.said("alice"));
});

await step("a page that is written in says so", async () => {
  // Who writes is told at most once in 4 s, and bob has just written.
  await bob.page.waitForTimeout(4_500);
  await bob.window("alice").locator("textarea").pressSequentially("hm");
  await alice.window("bob").getByText(/is writing/).waitFor();
});

await step("after kill -9 and restart both go on by themselves, history there", async () => {
  const before = await alice.said("bob");
  await server.kill();
  await alice.page.locator(".bar[data-kind]").waitFor();
  await alice.say("bob", "said while the server was gone");
  await server.start();
  await bob.hears("alice", "said while the server was gone");
  await bob.say("alice", "and answered");
  await alice.hears("bob", "and answered");
  const after = await alice.said("bob");
  assert.deepEqual(after.slice(0, before.length), before);
  assert.deepEqual(after, await bob.said("alice"));
  await alice.page.locator(".bar:not([data-kind])").waitFor({ state: "attached" });
});

await step("a reload and a new sign-in find the history", async () => {
  const said = await bob.said("alice");
  await bob.page.context().close();
  bob = await Person.signIn(browser, server.url, "bob", { bypassCSP: true });
  await bob.open("alice");
  await bob.hears("alice", "said while the server was gone");
  assert.deepEqual(await bob.said("alice"), said);
});

await step("a whole talk by keyboard", async () => {
  const { page } = alice;
  const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  await page.keyboard.press("Escape");
  await page.focus("main");
  await press("/");
  await page.keyboard.type("carol");
  await press("Enter");
  await page.keyboard.type("by keyboard");
  await press("Enter");
  await alice.hears("carol", "by keyboard");
  const carol = await Person.signIn(browser, server.url, "carol", { bypassCSP: true });
  await carol.open("alice");
  await carol.hears("alice", "by keyboard");
  await carol.say("alice", "heard");
  await alice.hears("carol", "heard");
  await carol.page.context().close();
});

for (const colorScheme of ["light", "dark"]) {
  await step(`axe finds nothing, ${colorScheme}`, async () => {
    await alice.page.emulateMedia({ colorScheme });
    await alice.page.waitForTimeout(300);
    assert.deepEqual(await serious(alice.page), []);
  });
}

await step("no page complained", async () => {
  assert.deepEqual([...alice.problems, ...bob.problems], []);
});

await browser.close();
await step("the server stops with 0", async () => assert.equal(await server.stop(), 0));
console.log(`${counts.passed} passed, ${counts.failed} failed, 0 skipped`);
process.exitCode = counts.failed ? 1 : 0;
