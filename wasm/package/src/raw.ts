/**
 * The seam between the wasm module and the rest: nothing else knows the shape of `RawClient`.
 *
 * The module decides and waits; `Engine` gives it a platform (links, a clock) and hands its events
 * on.
 */
import type { PresentlyEvent } from "./types.js";

/** What the module asks of its platform. */
export interface Platform {
  now(): number;
  dial(link: number): void;
  send(link: number, bytes: Uint8Array): void;
  close(link: number, flushMs: number): void;
  /** The module broke: nothing it holds can be trusted any more. */
  failed(why: string): void;
}

/** The class the wasm module exports. What tells of links returns `false` where it is not kept. */
export interface RawClient {
  opened(link: number): boolean;
  bytes(link: number, data: Uint8Array): boolean;
  sent(link: number, n: number): boolean;
  closed(link: number): boolean;
  wake(): void;
  next_batch(max: number): Promise<string>;
  shutdown(): void;
  send(to: string, text: string): number;
  typing(to: string): number;
  status(status: string): number;
  message(text: string): number;
  name(text: string): number;
  add(user: string, text: string): number;
  accept(user: string): number;
  decline(user: string): number;
  remove(user: string): number;
  contacts(): number;
  history(user: string, before: number | undefined, limit: number | undefined): number;
  sync(): number;
  sign_out(): number;
  free(): void;
}

/** How the wasm module makes a client. */
export type RawConstructor = new (
  platform: Platform,
  user: string,
  password: string,
  seed: Uint8Array,
) => RawClient;

/** Makes a client with a fresh seed, once its platform is known. */
export type Create = (platform: Platform) => RawClient;

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
  dial(on: LinkEvents): Link;
  watch?(again: () => void): () => void;
}

/** Says who signs in; the platform comes later. */
export function create(Raw: RawConstructor, user: string, password: string): Create {
  const seed = crypto.getRandomValues(new Uint8Array(32));
  return (platform) => new Raw(platform, user, password, seed);
}

/** Events taken at once. */
const BATCH = 256;

/** Runs one `RawClient`. */
export class Engine {
  #raw: RawClient | undefined;
  readonly #host: Host;
  readonly #links = new Map<number, Link>();
  readonly #unwatch: (() => void) | undefined;
  readonly #over: (cause?: unknown) => void;

  constructor(
    create: Create,
    host: Host,
    deliver: (event: PresentlyEvent) => void,
    over: (cause?: unknown) => void,
  ) {
    this.#host = host;
    this.#over = over;
    this.#raw = create({
      now: () => performance.now(),
      dial: (link) => this.#dial(link),
      send: (link, bytes) => this.#links.get(link)?.send(bytes),
      close: (link, flushMs) => this.#close(link, flushMs),
      failed: (why) => this.#fail(why),
    });
    this.#unwatch = host.watch?.(() => this.#raw?.wake());
    void this.#pump(this.#raw, deliver);
  }

  get stopped(): boolean {
    return this.#raw === undefined;
  }

  /** Gives the module a command; `undefined` after `stop`. Throws where the module is full. */
  act<T>(command: (raw: RawClient) => T): T | undefined {
    return this.#raw && command(this.#raw);
  }

  /** Closes all links. The module is freed once its last wait has ended. */
  stop(): void {
    const raw = this.#raw;
    if (!raw) return;
    this.#raw = undefined;
    this.#unwatch?.();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    raw.shutdown();
  }

  async #pump(raw: RawClient, deliver: (event: PresentlyEvent) => void): Promise<void> {
    for (;;) {
      const events = JSON.parse(await raw.next_batch(BATCH)) as PresentlyEvent[];
      if (events.length === 0) break;
      if (this.#raw) events.forEach(deliver);
    }
    const ended = !this.stopped;
    this.stop();
    raw.free();
    if (ended) this.#over();
  }

  #fail(why: string): void {
    if (this.stopped) return;
    this.#raw = undefined;
    this.#unwatch?.();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    this.#over(why);
  }

  #dial(id: number): void {
    // What a link still says once it was told to close is not passed on, but that it closed is.
    const tell = (say: (raw: RawClient) => boolean): void => {
      if (this.#links.has(id) && this.#raw && !say(this.#raw)) {
        // The module does not keep up, and its stream has a hole now.
        this.#links.get(id)?.close();
        this.#closed(id);
      }
    };
    try {
      const link = this.#host.dial({
        opened: () => tell((raw) => raw.opened(id)),
        bytes: (data) => tell((raw) => raw.bytes(id, data)),
        sent: (n) => tell((raw) => raw.sent(id, n)),
        closed: () => this.#closed(id),
      });
      this.#links.set(id, link);
    } catch {
      this.#links.set(id, { send() {}, close() {} });
      setTimeout(() => this.#closed(id));
    }
  }

  #close(id: number, flushMs: number): void {
    this.#links.get(id)?.close();
    // A dead connection may take minutes to say that it is closed.
    setTimeout(() => this.#closed(id), flushMs);
  }

  #closed(id: number): void {
    if (!this.#links.delete(id)) return;
    // A full module takes it later: the end of a link must reach it.
    const again = (): void => void (this.#raw && !this.#raw.closed(id) && setTimeout(again, 50));
    again();
  }
}
