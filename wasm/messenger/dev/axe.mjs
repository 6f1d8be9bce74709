// Runs axe-core on every screen, light and dark, wide and narrow; anything it finds is a failure.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { open, SCREENS } from "./browser.mjs";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await open();
let screens = 0;
let found = 0;
for (const [name, go] of Object.entries(SCREENS)) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
      const page = await browser.page({ viewport: { width, height: 800 }, colorScheme, bypassCSP: true });
      await go(page);
      await page.waitForTimeout(120);
      await page.evaluate(source);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      for (const { id, impact, help, nodes } of violations) {
        found += 1;
        console.error(`${name} ${width} ${colorScheme}: ${impact} ${id}: ${help}`);
        for (const node of nodes.slice(0, 3)) console.error(`  ${node.html.slice(0, 160)}\n  ${node.failureSummary?.split("\n").slice(1, 3).join(" ")}`);
      }
      screens += 1;
      await page.context().close();
    }
  }
}
await browser.close();
console.log(`${screens} screens, ${found} findings`);
process.exitCode = found ? 1 : 0;
