// A demo server on free ports, in a data directory of its own, that can be killed and started again.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

export class Server {
  #data = mkdtempSync(join(dirname(process.env.PRESENTLY_BIN), "browser-"));
  #listen = "127.0.0.1:0";
  #child;

  async start() {
    const args = ["serve", "--demo", "--ready-json", "--listen", this.#listen];
    args.push("--admin", "127.0.0.1:0", "--data", join(this.#data, "data"));
    this.#child = spawn(process.env.PRESENTLY_BIN, args, { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(createInterface(this.#child.stdout), "line");
    const ready = JSON.parse(line);
    this.#listen = ready.listen;
    this.url = `http://${ready.listen}/`;
  }

  /** kill -9. */
  async kill() {
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }

  /** SIGTERM; the exit code. */
  async stop() {
    this.#child.kill("SIGTERM");
    const [code] = await once(this.#child, "exit");
    rmSync(this.#data, { recursive: true });
    return code;
  }
}
