/**
 * The seam between the wasm module and the rest: nothing else knows the shape of `RawClient`.
 *
 * The module does no IO. `Engine` feeds it bytes, time and commands, and after each of them carries
 * out what it asks for: dial, send, close, and one timer.
 */
import type { PresentlyEvent } from "./types.js";

/** What the module wants done. */
export type Output =
  | { type: "dial"; link: number; node?: number }
  | { type: "send"; link: number; data: Uint8Array }
  /** To be flushed for at most `flush_ms`, then dropped; `closed` completes it. */
  | { type: "close"; link: number; flush_ms?: number }
  | { type: "store"; op: number; request: unknown }
  /** Signed out, or refused for good: nothing more will come. */
  | { type: "ended" };

/** The class the wasm module exports. Times are milliseconds of one monotonic clock. */
export interface RawClient {
  opened(link: number, now: number): void;
  bytes(link: number, data: Uint8Array, now: number): void;
  sent(link: number, n: number, now: number): void;
  closed(link: number, now: number): void;
  timeout(now: number): void;
  online(now: number): void;
  poll_output(now: number): Output | undefined;
  deadline(): number | undefined;
  events(): string;
  send(to: string, text: string, now: number): number;
  typing(to: string, now: number): number;
  status(status: string, now: number): number;
  message(text: string, now: number): number;
  name(text: string, now: number): number;
  add(user: string, text: string, now: number): number;
  accept(user: string, now: number): number;
  decline(user: string, now: number): number;
  remove(user: string, now: number): number;
  contacts(now: number): number;
  history(user: string, before: number | undefined, limit: number | undefined, now: number): number;
  sync(now: number): number;
  sign_out(now: number): number;
  free(): void;
}

/** How the wasm module makes a client. */
export type RawConstructor = new (
  user: string,
  password: string,
  seed: Uint8Array,
  nowMs: number,
  wallMs: number,
) => RawClient;

/** What a link tells the engine. */
export interface LinkEvents {
  opened(): void;
  bytes(data: Uint8Array): void;
  sent(n: number): void;
  closed(): void;
}

/** One connection: a stream of bytes. `close` flushes first, and ends in `closed`. */
export interface Link {
  send(data: Uint8Array): void;
  close(): void;
}

/** What the platform gives: connections, and a hint when the network has changed. */
export interface Host {
  dial(node: number | undefined, on: LinkEvents): Link;
  watch?(again: () => void): () => void;
}

/** Milliseconds that never go back. */
export const monotonic = (): number => Math.floor(performance.now());

/** Makes a client with a fresh seed and the time of now. */
export function create(Raw: RawConstructor, user: string, password: string): RawClient {
  const seed = crypto.getRandomValues(new Uint8Array(32));
  return new Raw(user, password, seed, monotonic(), Date.now());
}

const FLUSH_MS = 1000;
const LONGEST_TIMER = 0x7fff_ffff;

/** Runs one `RawClient`. */
export class Engine {
  #raw: RawClient | undefined;
  readonly #host: Host;
  readonly #deliver: (event: PresentlyEvent) => void;
  readonly #over: (cause?: unknown) => void;
  readonly #links = new Map<number, Link>();
  readonly #closing = new Set<number>();
  readonly #unwatch: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #draining = false;
  #ended = false;

  constructor(
    raw: RawClient,
    host: Host,
    deliver: (event: PresentlyEvent) => void,
    over: (cause?: unknown) => void,
  ) {
    this.#raw = raw;
    this.#host = host;
    this.#deliver = deliver;
    this.#over = over;
    this.#unwatch = host.watch?.(() => this.act((client, now) => client.online(now)));
  }

  get stopped(): boolean {
    return this.#raw === undefined;
  }

  /** Gives the module an input, then does all it asks for. After `stop` it does nothing. */
  act(input: (raw: RawClient, now: number) => void): void {
    const raw = this.#raw;
    if (!raw) return;
    try {
      input(raw, monotonic());
      this.#drain();
    } catch (cause) {
      // A panic inside the module: its state can no longer be trusted.
      this.stop();
      this.#over(cause);
    }
  }

  /** Closes all links and frees the module. */
  stop(): void {
    const raw = this.#raw;
    if (!raw) return;
    this.#raw = undefined;
    clearTimeout(this.#timer);
    this.#unwatch?.();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    try {
      raw.free();
    } catch {
      // A module that panicked may refuse; its memory goes with the page.
    }
  }

  /** Events may cause new inputs, so it goes round until nothing is left. */
  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (let more = true; more; ) {
        more = false;
        let output: Output | undefined;
        while ((output = this.#raw?.poll_output(monotonic()))) this.#perform(output);
        const text = this.#raw?.events();
        if (!text || text === "[]") break;
        for (const event of JSON.parse(text) as PresentlyEvent[]) this.#deliver(event);
        more = true;
      }
    } finally {
      this.#draining = false;
    }
    if (this.#ended && !this.stopped) {
      this.stop();
      this.#over();
    }
    this.#arm();
  }

  #perform(output: Output): void {
    switch (output.type) {
      case "dial":
        return this.#dial(output.link, output.node);
      case "send":
        return this.#links.get(output.link)?.send(output.data);
      case "close":
        return this.#close(output.link, output.flush_ms ?? FLUSH_MS);
      case "store":
        return; // Answered inside the module.
      case "ended":
        this.#ended = true;
    }
  }

  #dial(id: number, node: number | undefined): void {
    // What a link still says while it closes is not passed on.
    const open = (): boolean => this.#links.has(id) && !this.#closing.has(id);
    const closed = (): void => this.#closed(id);
    const on: LinkEvents = {
      opened: () => void (open() && this.act((raw, now) => raw.opened(id, now))),
      bytes: (data) => void (open() && this.act((raw, now) => raw.bytes(id, data, now))),
      sent: (n) => void (open() && this.act((raw, now) => raw.sent(id, n, now))),
      closed,
    };
    try {
      this.#links.set(id, this.#host.dial(node, on));
    } catch {
      this.#links.set(id, { send() {}, close() {} });
      setTimeout(closed);
    }
  }

  #close(id: number, flushMs: number): void {
    const link = this.#links.get(id);
    if (!link || this.#closing.has(id)) return;
    this.#closing.add(id);
    link.close();
    // A dead connection may take minutes to say that it is closed.
    setTimeout(() => this.#closed(id), flushMs);
  }

  #closed(id: number): void {
    this.#closing.delete(id);
    if (this.#links.delete(id)) this.act((raw, now) => raw.closed(id, now));
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const deadline = this.#raw?.deadline();
    if (deadline === undefined) return;
    const wait = Math.min(Math.max(0, Math.ceil(deadline - monotonic())), LONGEST_TIMER);
    this.#timer = setTimeout(() => this.act((raw, now) => raw.timeout(now)), wait);
  }
}
