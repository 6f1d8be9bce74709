// The package as an app gets it: the packed tarball in a fresh node project and a fresh Vite
// project, each against a running server. Needs PRESENTLY_BIN, the second CHROMIUM as well.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const { PRESENTLY_BIN, CHROMIUM } = process.env;
const run = promisify(execFile);
const here = fileURLToPath(new URL("..", import.meta.url));
const apps = join(here, "test/apps");
const needsServer = { skip: PRESENTLY_BIN ? false : "PRESENTLY_BIN names no server" };
const needsBoth = { skip: PRESENTLY_BIN && CHROMIUM ? false : "needs PRESENTLY_BIN and CHROMIUM" };

const running = [];
let work;
let tarball;
let server;

before(async () => {
  if (!PRESENTLY_BIN) return;
  work = await mkdtemp(join(tmpdir(), "presently-packed-"));
  await run("npm", ["pack", "--pack-destination", work], { cwd: here });
  tarball = (await readdir(work)).find((name) => name.endsWith(".tgz"));
  const ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
  const args = ["serve", "--demo", "--ready-json", ...ports, "--data", join(work, "data")];
  server = JSON.parse(await firstLine(start(PRESENTLY_BIN, args), /^\{/));
});

after(async () => {
  for (const child of running) {
    const gone = new Promise((resolve) => child.once("exit", resolve));
    if (child.kill()) await gone;
  }
  if (work) await rm(work, { recursive: true, force: true });
});

test("from the tarball, in node, type-checked strictly", needsServer, async () => {
  const app = await install("node");
  const { stdout } = await run("node", ["dist/main.js", `tcp://${server.listen}`], { cwd: app });
  assert.equal(stdout.trim(), "talked");
});

test("the JavaScript of README, cut out of it, in node", needsServer, async () => {
  const readme = await readFile(join(here, "../../README.md"), "utf8");
  const [, code] = readme.match(/```js\n([^]*?)```/);
  const lines = code.split("\n").filter((line) => line.trim());
  assert.ok(lines.length <= 12, `${lines.length} lines`);
  const app = await install("node");
  await writeFile(join(app, "readme.mjs"), code.replace("ws://localhost:1863/ws", `tcp://${server.listen}`));
  const child = start(process.execPath, ["readme.mjs"], app);
  const wanted = ["alice is busy", "alice says: Hello, Bob!", "bob says: Hello, Alice!"];
  for await (const line of createInterface(child.stdout)) {
    wanted.splice(0, wanted.length, ...wanted.filter((words) => !line.includes(words)));
    if (!wanted.length) break;
  }
  assert.deepEqual(wanted, []);
  // It talks on, and would answer others.
  child.kill();
});

test("from the tarball, in a Vite project on its own port", needsBoth, async () => {
  const app = await install("vite");
  const vite = join(app, "node_modules/vite/bin/vite.js");
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    for (const mode of ["dev", "preview"]) {
      // Port 0 takes a free one, and Vite prints which.
      const child = start(process.execPath, [vite, mode, "--port", "0", "--host", "127.0.0.1"], app);
      const line = plain(await firstLine(child, /http:/));
      const origin = line.slice(line.indexOf("http:")).trim();
      const page = await browser.newPage();
      await page.goto(`${origin}?server=${encodeURIComponent(`ws://${server.listen}/ws`)}`);
      await page.waitForSelector("output:not(:empty)", { timeout: 30_000 });
      assert.equal(await page.textContent("output"), "talked", mode);
    }
  } finally {
    await browser.close();
  }
});

async function install(name) {
  const app = join(work, name);
  await cp(join(apps, name), app, { recursive: true });
  await cp(join(apps, "talk.ts"), join(app, "talk.ts"));
  await run("npm", ["install", "--no-audit", "--no-fund", join(work, tarball)], { cwd: app });
  await run("npm", ["run", "build"], { cwd: app });
  return app;
}

function start(program, args, cwd) {
  const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "inherit"] });
  running.push(child);
  return child;
}

const plain = (line) => line.replace(/\u001b\[[0-9;]*m/g, "");

/** The first line of what `child` prints that looks so. */
async function firstLine(child, like) {
  for await (const line of createInterface({ input: child.stdout })) {
    if (!like.test(plain(line))) continue;
    // What it prints later is not read, and must not fill the pipe once the reader lets go.
    setImmediate(() => child.stdout.resume());
    return line;
  }
  throw new Error(`it ended without a line like ${like}`);
}
