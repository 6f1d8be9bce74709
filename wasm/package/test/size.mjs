// Prints what an app downloads (gzip), and fails when it is over the budget.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const KB = 1024;
const root = new URL("../", import.meta.url);
const read = (path) => readFileSync(new URL(path, root));
const gzip = (data) => gzipSync(data, { level: 9 }).length;

const scripts = readdirSync(new URL("dist/", root))
  .filter((name) => name.endsWith(".js") && !["node.js", "tcp.js"].includes(name))
  .map((name) => read(`dist/${name}`));
const built = existsSync(new URL("wasm/presently_bg.wasm", root));
if (built) scripts.push(read("wasm/presently.js"));

const sizes = [["js", gzip(Buffer.concat(scripts)), 10 * KB]];
if (built) sizes.push(["wasm", gzip(read("wasm/presently_bg.wasm")), 110 * KB]);
else console.log("wasm: not built");
for (const [what, size, budget] of sizes) {
  console.log(`${what}: ${size} bytes gzip, of ${budget}`);
  if (size > budget) process.exitCode = 1;
}
