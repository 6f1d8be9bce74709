// Pictures of every screen at three widths, light and dark, into dev/shots/: to be looked at.
// `node dev/screenshots.mjs talk many` makes only these screens.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { open, SCREENS } from "./browser.mjs";

const SIZES = [[1280, 800], [768, 900], [390, 780]];
const into = fileURLToPath(new URL("shots/", import.meta.url));
const wanted = process.argv.slice(2);
mkdirSync(into, { recursive: true });

const problems = [];
const browser = await open();
for (const [name, go] of Object.entries(SCREENS)) {
  if (wanted.length && !wanted.includes(name)) continue;
  for (const colorScheme of ["light", "dark"]) {
    for (const [width, height] of SIZES) {
      const page = await browser.page({ viewport: { width, height }, colorScheme }, problems);
      await go(page);
      await page.waitForTimeout(120);
      await page.screenshot({ path: `${into}${name}-${width}-${colorScheme}.png` });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) problems.push(`${name} at ${width}: ${wide} px too wide`);
      await page.context().close();
    }
  }
}
await browser.close();
for (const problem of new Set(problems)) console.error(problem);
process.exitCode = problems.length ? 1 : 0;
