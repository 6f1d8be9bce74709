// Runs a test binary built for wasm32-wasip1 in node, so that plain `#[test]`s also run in wasm.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [module, ...args] = process.argv.slice(2);
const wasi = new WASI({
  version: "preview1",
  args: [module, ...args],
  env: { RUST_BACKTRACE: process.env.RUST_BACKTRACE ?? "0" },
  // A read-only habit, not a wall: the tests under it are pure and open no file.
  preopens: {},
});
const { instance } = await WebAssembly.instantiate(await readFile(module), wasi.getImportObject());
process.exitCode = wasi.start(instance);
