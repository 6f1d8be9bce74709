/** Presently in node: the same client over TCP, since node 20 has no WebSocket. */
import { readFile } from "node:fs/promises";
import load, { RawClient } from "../wasm/presently.js";
import { Presently } from "./client.js";
import { create, type RawConstructor } from "./raw.js";
import { tcpHost } from "./tcp.js";
import type { ConnectOptions } from "./types.js";

export * from "./types.js";
export type { Presently };

const WASM = new URL("../wasm/presently_bg.wasm", import.meta.url);

let loaded: Promise<unknown> | undefined;

/** Signs in; as in the browser, except that `url` may also be `tcp://host:port`. */
export async function connect(options: ConnectOptions): Promise<Presently> {
  const { url, user, password, signal } = options;
  const host = tcpHost(url);
  signal?.throwIfAborted();
  await (loaded ??= readFile(WASM).then((bytes) => load({ module_or_path: bytes })));
  const raw = create(RawClient as unknown as RawConstructor, user, password);
  return Presently.start(raw, host, options);
}
