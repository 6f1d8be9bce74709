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
  | { type: "close"; link: number }
  | { type: "store"; op: number; request: unknown };

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

/** One connection: a stream of bytes. */
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

const LONGEST_TIMER = 0x7fff_ffff;

/** Runs one `RawClient`. */
export class Engine {
  #raw: RawClient | undefined;
  readonly #host: Host;
  readonly #deliver: (event: PresentlyEvent) => void;
  readonly #broken: (cause: unknown) => void;
  readonly #links = new Map<number, Link>();
  readonly #unwatch: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #draining = false;

  constructor(
    raw: RawClient,
    host: Host,
    deliver: (event: PresentlyEvent) => void,
    broken: (cause: unknown) => void,
  ) {
    this.#raw = raw;
    this.#host = host;
    this.#deliver = deliver;
    this.#broken = broken;
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
      this.#broken(cause);
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
    this.#arm();
  }

  #perform(output: Output): void {
    switch (output.type) {
      case "dial":
        return this.#dial(output.link, output.node);
      case "send":
        return this.#links.get(output.link)?.send(output.data);
      case "close":
        this.#links.get(output.link)?.close();
        this.#links.delete(output.link);
        return;
      case "store":
        return; // Answered inside the module.
    }
  }

  #dial(id: number, node: number | undefined): void {
    // What an abandoned link still says is not passed on.
    const open = (): boolean => this.#links.has(id);
    const closed = (): void => {
      if (this.#links.delete(id)) this.act((raw, now) => raw.closed(id, now));
    };
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

  #arm(): void {
    clearTimeout(this.#timer);
    const deadline = this.#raw?.deadline();
    if (deadline === undefined) return;
    const wait = Math.min(Math.max(0, Math.ceil(deadline - monotonic())), LONGEST_TIMER);
    this.#timer = setTimeout(() => this.act((raw, now) => raw.timeout(now)), wait);
  }
}
