/** Presently in the browser: a client over WebSocket. */
import load, { RawClient } from "../wasm/presently.js";
import { Presently } from "./client.js";
import { create, type RawConstructor } from "./raw.js";
import type { ConnectOptions } from "./types.js";
import { websocketHost } from "./websocket.js";

export * from "./types.js";
export type { Presently };

/** Stands beside this file, so that bundlers find and serve it. */
const WASM = { module_or_path: new URL("../wasm/presently_bg.wasm", import.meta.url) };

let loaded: Promise<unknown> | undefined;

/**
 * Signs in. Rejects with a `PresentlyError`: what the server said, or `offline` when it could not
 * be reached. Once signed in, the client comes back by itself whenever the connection is lost.
 */
export async function connect(options: ConnectOptions): Promise<Presently> {
  const { url, user, password, signal } = options;
  signal?.throwIfAborted();
  // A load that failed (no network) must not fail every later one.
  await (loaded ??= load(WASM).catch((cause: unknown) => {
    loaded = undefined;
    throw cause;
  }));
  const raw = create(RawClient as unknown as RawConstructor, user, password);
  return Presently.start(raw, websocketHost(url), options);
}
