// Builds the page into dist/. With `dev` it is built into dev/out/, with scripted people.
import { build } from "esbuild";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

export async function buildPage(dev) {
  const out = at(dev ? "dev/out/" : "dist/");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const common = { bundle: true, minify: !dev, target: "es2022", logLevel: "warning" };
  await build({
    ...common,
    entryPoints: [at("src/main.ts")],
    outfile: `${out}messenger.js`,
    format: "esm",
    conditions: ["browser"],
    ...(dev && { alias: { presently: at("dev/fake.ts") } }),
  });
  await build({ ...common, entryPoints: [at("styles/main.css")], outfile: `${out}messenger.css` });
  for (const file of ["index.html", "icon.svg"]) copyFileSync(at(`src/${file}`), out + file);
  if (dev) return out;
  // The module is found beside the script, as wasm-bindgen asks for it.
  const wasm = at("../package/wasm/presently_bg.wasm");
  if (!existsSync(wasm)) throw new Error("build the wasm package first: no presently_bg.wasm");
  // Where the package looks for it, seen from the bundle.
  mkdirSync(`${out}wasm`, { recursive: true });
  copyFileSync(wasm, `${out}wasm/presently_bg.wasm`);
  return out;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildPage(process.argv[2] === "dev");
}
