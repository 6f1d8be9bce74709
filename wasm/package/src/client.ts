/// <reference lib="esnext.disposable" preserve="true" />
/** The client an app holds: commands as promises, events by listener or by iteration. */
import { EventQueue } from "./queue.js";
import { Engine, type Create, type Host, type RawClient } from "./raw.js";
import {
  PresentlyError,
  type ConnectOptions,
  type Contact,
  type EventOf,
  type HistoryItem,
  type PresentlyEvent,
  type Status,
} from "./types.js";

/** How long `signOut` waits for the server to hear of it. */
const SIGN_OUT_MS = 3000;

type Kind = PresentlyEvent["event"];
type Listener = (event: never) => void;
const errorOf = ({ code, text, retry_ms }: EventOf<"error">): PresentlyError =>
  new PresentlyError(code, text, retry_ms);

type Answer = EventOf<"acked" | "contacts" | "history" | "done">;
type Command = (raw: RawClient) => number;

interface Waiter {
  resolve(answer: Answer): void;
  reject(error: PresentlyError): void;
}

/** One signed-in person on one device. Made by `connect`; it reconnects by itself. */
export interface Presently extends AsyncDisposable {}
export class Presently {
  readonly #engine: Engine;
  readonly #listeners = new Map<Kind, Set<Listener>>();
  readonly #queues = new Set<EventQueue>();
  readonly #waiters = new Map<number, Waiter>();
  #user = "";
  /** What came before the app could listen: kept until it had its turn. */
  #held: PresentlyEvent[] | undefined = [];
  /** Waits for the outcome of signing in. */
  #first: ((event: PresentlyEvent) => void) | undefined;

  /** @internal Use `connect`. */
  static async start(
    create: Create,
    host: Host,
    { status, signal }: Pick<ConnectOptions, "status" | "signal"> = {},
  ): Promise<Presently> {
    const client = new Presently(create, host);
    try {
      // Told before anything is dialled, so that nobody sees another status first.
      await client.#signedIn(status, signal);
      setTimeout(() => client.#release());
      return client;
    } catch (error) {
      await client.shutdown();
      throw error;
    }
  }

  private constructor(create: Create, host: Host) {
    this.#engine = new Engine(
      create,
      host,
      (event) => this.#take(event),
      (cause) => {
        if (cause === undefined) return this.#end("closed", "the client has ended");
        this.#take({ event: "error", code: "internal", text: String(cause) });
        this.#end("internal", "the client broke; connect again");
      },
    );
  }

  /** The name of the account. */
  get user(): string {
    return this.#user;
  }

  /** Signed out, shut down, or refused for good: nothing more will come. */
  get ended(): boolean {
    return this.#engine.stopped;
  }

  /** Calls `listener` for each event of a kind; the function returned, or `signal`, ends it. */
  on<K extends Kind>(
    kind: K,
    listener: (event: EventOf<K>) => void,
    options: { signal?: AbortSignal } = {},
  ): () => void {
    const { signal } = options;
    let set = this.#listeners.get(kind);
    if (!set) this.#listeners.set(kind, (set = new Set()));
    const mine = (event: EventOf<K>): void => listener(event);
    const off = (): void => {
      set.delete(mine);
      signal?.removeEventListener("abort", off);
    };
    if (signal?.aborted) return off;
    set.add(mine);
    signal?.addEventListener("abort", off);
    return off;
  }

  /** Every event from now on, until `signal` or `shutdown`. A slow reader gets `lagged`. */
  events(options: { signal?: AbortSignal } = {}): AsyncGenerator<PresentlyEvent, void, undefined> {
    const { signal } = options;
    const queue = new EventQueue();
    const end = (): void => {
      this.#queues.delete(queue);
      signal?.removeEventListener("abort", end);
      queue.end();
    };
    if (this.#engine.stopped || signal?.aborted) queue.end();
    else {
      this.#queues.add(queue);
      signal?.addEventListener("abort", end);
    }
    return (async function* () {
      try {
        for (let event; (event = await queue.next()); ) yield event;
      } finally {
        end();
      }
    })();
  }

  /** Sends a text. Resolves when the server has stored it, however long the connection is gone. */
  async send(to: string, text: string): Promise<{ seq: number; at: number }> {
    const { seq, at } = await this.#ask<"acked">((raw) => raw.send(to, text));
    return { seq, at };
  }

  /** Tells `to` that something is being written. */
  typing(to: string): void {
    // Nobody waits for it, and nobody misses it.
    this.#ask((raw) => raw.typing(to)).catch(() => {});
  }

  /** Sets one's status, for all of one's devices. */
  async setStatus(status: Status): Promise<void> {
    await this.#ask((raw) => raw.status(status));
  }

  /** Sets one's personal message. */
  async setMessage(text: string): Promise<void> {
    await this.#ask((raw) => raw.message(text));
  }

  /** Sets one's display name. */
  async setName(name: string): Promise<void> {
    await this.#ask((raw) => raw.name(name));
  }

  /** Invites somebody to be a contact, with a text. */
  async add(user: string, text = ""): Promise<void> {
    await this.#ask((raw) => raw.add(user, text));
  }

  /** Accepts an invitation. */
  async accept(user: string): Promise<void> {
    await this.#ask((raw) => raw.accept(user));
  }

  /** Declines an invitation; the other is not told. */
  async decline(user: string): Promise<void> {
    await this.#ask((raw) => raw.decline(user));
  }

  /** Removes a contact, or takes back an invitation. */
  async remove(user: string): Promise<void> {
    await this.#ask((raw) => raw.remove(user));
  }

  /** The contact list, with what is known of each person now. */
  async contacts(): Promise<{ revision: number; list: Contact[] }> {
    const { revision, list } = await this.#ask<"contacts">((raw) => raw.contacts());
    return { revision, list };
  }

  /** Messages exchanged with `user`, oldest first: the last ones, or those before `before`. */
  async history(
    user: string,
    options: { before?: number; limit?: number } = {},
  ): Promise<{ list: HistoryItem[]; more: boolean }> {
    const { before, limit } = options;
    const { list, more } = await this.#ask<"history">((raw) =>
      raw.history(user, before, limit),
    );
    return { list, more };
  }

  /** Resolves when everything the server had for us has been given to the listeners. */
  async sync(): Promise<void> {
    await this.#ask((raw) => raw.sync());
  }

  /** Signs out at once, so that others see it now, and shuts down. */
  async signOut(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const enough = new Promise<void>((resolve) => (timer = setTimeout(resolve, SIGN_OUT_MS)));
    try {
      await Promise.race([this.#ask((raw) => raw.sign_out()), enough]);
    } finally {
      clearTimeout(timer);
      await this.shutdown();
    }
  }

  /** Closes the connection and ends every wait and iteration. The account stays signed in a while. */
  async shutdown(): Promise<void> {
    this.#engine.stop();
    this.#end("closed", "the client was shut down");
  }

  #ask<K extends Answer["event"]>(command: Command): Promise<EventOf<K>> {
    return new Promise((resolve, reject) => {
      try {
        const id = this.#engine.act(command);
        if (id === undefined) throw new PresentlyError("closed", "the client was shut down");
        this.#waiters.set(id, { resolve: resolve as Waiter["resolve"], reject });
      } catch (cause) {
        const full = () => new PresentlyError("busy", "too much is under way", 100);
        reject(cause instanceof PresentlyError ? cause : full());
      }
    });
  }

  #signedIn(status: Status | undefined, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal?.reason);
      if (signal?.aborted) return abort();
      signal?.addEventListener("abort", abort);
      this.#first = (event) => {
        if (event.event === "signed_in") resolve();
        else if (event.event === "error") reject(errorOf(event));
        else if (event.event === "offline") {
          reject(new PresentlyError("offline", event.reason, event.retry_ms));
        } else return;
        this.#first = undefined;
        signal?.removeEventListener("abort", abort);
      };
      if (status) this.#engine.act((raw) => raw.status(status));
    });
  }

  /** The app has had its turn to listen. */
  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const event of held) this.#emit(event);
  }

  #take(event: PresentlyEvent): void {
    if (event.event === "signed_in") this.#user = event.user;
    this.#first?.(event);
    this.#emit(event);
    if (!("id" in event) || event.id === undefined) return;
    const waiter = this.#waiters.get(event.id);
    if (!waiter) return;
    this.#waiters.delete(event.id);
    if (event.event !== "error") waiter.resolve(event);
    else waiter.reject(errorOf(event));
  }

  #emit(event: PresentlyEvent): void {
    if (this.#held) return void this.#held.push(event);
    for (const queue of this.#queues) queue.push(event);
    for (const listener of [...(this.#listeners.get(event.event) ?? [])]) {
      try {
        listener(event as never);
      } catch (error) {
        // A listener's fault is its own: it is reported, and the others still hear.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #end(code: string, text: string): void {
    for (const waiter of this.#waiters.values()) waiter.reject(new PresentlyError(code, text));
    this.#waiters.clear();
    for (const queue of this.#queues) queue.end();
    this.#queues.clear();
  }

  static {
    // Where the platform does not know the symbol yet, `await using` does not exist either.
    if (Symbol.asyncDispose) {
      this.prototype[Symbol.asyncDispose] = function (this: Presently) {
        return this.shutdown();
      };
    }
  }
}
