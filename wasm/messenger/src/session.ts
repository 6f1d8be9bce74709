/** Between the client and the model: events go in, acts go out. */
import { connect, PresentlyError, type MessageEvent, type Presently, type Status } from "presently";
import { announce } from "./announce.js";
import { Model, type Line } from "./model.js";
import { merge, refresh, stored } from "./talk.js";
import { STATUS } from "./words.js";

const PAGE = 50;
const TYPING_HOLDS_MS = 6000;
const TYPING_AGAIN_MS = 4000;
const AGAIN_MS = 1000;
/** Errors that pass by themselves. */
const PASSING: ReadonlySet<string> = new Set(["retry", "offline", "busy", "draining", "too_fast"]);
/** Errors after which the client does not come back by itself. */
const FINAL: ReadonlySet<string> = new Set([
  ...["wrong_credentials", "sign_in_ended", "superseded", "upgrade_required", "internal"],
]);

export class Session {
  readonly model: Model;
  /** Called when the sign-in has ended and not by this page: why, for people. */
  over: (why: string) => void = () => {};
  readonly #client: Presently;
  readonly #typing = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #told = new Map<string, number>();
  #sent = 0;
  #listing = false;
  #listAgain = false;

  static async signIn(user: string, password: string, status: Status): Promise<Session> {
    const url = new URL("/ws", location.href).href;
    return new Session(await connect({ url, user, password, status }), status);
  }

  private constructor(client: Presently, status: Status) {
    this.#client = client;
    this.model = new Model(client.user, status);
    this.#listen();
  }

  setStatus(status: Status): void {
    this.model.me.status = status;
    this.model.changed("me");
    this.#try(this.#client.setStatus(status));
  }

  setName(name: string): void {
    this.model.me.name = name;
    this.model.changed("me", "talks");
    this.#try(this.#client.setName(name));
  }

  setMessage(message: string): void {
    this.model.me.message = message;
    this.model.changed("me");
    this.#try(this.#client.setMessage(message));
  }

  /** Rejects with what the server says against it. */
  async add(user: string, text: string): Promise<void> {
    await this.#client.add(user, text);
    await this.#list();
  }

  accept(user: string): void {
    this.#answer(user, this.#client.accept(user));
  }

  decline(user: string): void {
    this.#answer(user, this.#client.decline(user));
  }

  remove(user: string): void {
    this.#answer(user, this.#client.remove(user));
  }

  signOut(): Promise<void> {
    return this.#client.signOut();
  }

  /** Shows a conversation and gives it the keyboard. */
  open(user: string): void {
    const { model } = this;
    if (!model.open.includes(user)) model.open.push(user);
    model.recent = [...model.recent.filter((other) => other !== user), user];
    model.active = user;
    model.calls += 1;
    model.changed("windows");
    this.read(user);
    void this.#load(user);
  }

  close(user: string): void {
    const { model } = this;
    model.open = model.open.filter((other) => other !== user);
    model.recent = model.recent.filter((other) => other !== user);
    if (model.active === user) model.active = model.recent.at(-1);
    model.changed("windows");
  }

  /** Back to the list; the conversations stay open. */
  leave(): void {
    this.model.active = undefined;
    this.model.changed("windows");
  }

  read(user: string): void {
    const talk = this.model.talk(user);
    if (!talk.unread) return;
    talk.unread = 0;
    this.model.changed("talks", "people");
  }

  say(user: string, text: string): void {
    const key = `p${this.#sent++}`;
    const talk = this.model.talk(user);
    const line: Line = { key, from: this.model.me.user, text, at: Date.now(), state: "waiting" };
    talk.lines.push(line);
    this.#told.delete(user);
    this.#send(user, line);
  }

  again(user: string, line: Line): void {
    line.state = "waiting";
    this.#send(user, line);
  }

  /** Told at every key; the other side hears of it every four seconds. */
  typing(user: string): void {
    const now = performance.now();
    if (now - (this.#told.get(user) ?? -TYPING_AGAIN_MS) < TYPING_AGAIN_MS) return;
    this.#told.set(user, now);
    this.#client.typing(user);
  }

  /** Reads the page of history before the first line. */
  async earlier(user: string): Promise<void> {
    const talk = this.model.talk(user);
    const before = talk.lines[0]?.seq;
    if (talk.loading || before === undefined) return;
    talk.loading = true;
    try {
      const { list, more } = await this.#client.history(user, { before, limit: PAGE });
      talk.more = more;
      merge(talk, list);
    } catch (error) {
      this.#complain(error);
    }
    talk.loading = false;
    this.model.changed("talks");
  }

  #listen(): void {
    const { model } = this;
    const client = this.#client;
    client.on("signed_in", () => this.#back());
    client.on("offline", ({ reason, retry_ms }) => {
      model.offline = { reason, until: Date.now() + retry_ms };
      model.changed("connection", "me");
    });
    client.on("presence", ({ user, status, name, message }) => {
      if (user === model.me.user) {
        if (status !== "offline") model.me.status = status;
        Object.assign(model.me, { name, message });
        model.changed("me");
        return;
      }
      const person = model.person(user);
      const was = person.status;
      Object.assign(person, { status, name, message });
      if (was !== status) announce(`${model.nameOf(user)}: ${STATUS[status]}`);
      model.changed("people");
    });
    client.on("invited", ({ user, text }) => {
      Object.assign(model.person(user), { state: "pending", invitation: text });
      announce(`${user} would like to add you`);
      model.changed("people");
      void this.#list();
    });
    client.on("contact", () => void this.#list());
    client.on("message", (event) => this.#received(event));
    client.on("typing", ({ user }) => this.#isTyping(user, true));
    client.on("lagged", () => this.#reread());
    client.on("error", ({ id, code, text }) => {
      if (id !== undefined) return; // The act it answers shows it.
      if (FINAL.has(code)) return this.over(text);
      model.notice = text;
      model.changed("connection");
    });
  }

  /** Signed in again: what happened meanwhile is read. */
  #back(): void {
    const { model } = this;
    model.offline = undefined;
    model.notice = undefined;
    model.changed("connection", "me");
    this.#reread();
  }

  #reread(): void {
    const { model } = this;
    void this.#list();
    for (const talk of model.talks.values()) talk.loaded = false;
    for (const user of model.open) void this.#load(user);
  }

  #received({ from, with: user, seq, text, at }: MessageEvent): void {
    const { model } = this;
    const mine = from === model.me.user;
    const talk = model.talk(user);
    const count = talk.lines.length;
    merge(talk, [{ from, seq, text, at }]);
    if (!mine) this.#isTyping(user, false);
    const looking = model.active === user && document.hasFocus();
    if (!mine && !looking && talk.lines.length > count) {
      talk.unread += 1;
      if (!model.open.includes(user)) announce(`${model.nameOf(user)} says: ${text}`);
    }
    model.changed("talks", "people");
  }

  #isTyping(user: string, typing: boolean): void {
    clearTimeout(this.#typing.get(user));
    if (typing) {
      const end = (): void => this.#isTyping(user, false);
      this.#typing.set(user, setTimeout(end, TYPING_HOLDS_MS));
    }
    const talk = this.model.talk(user);
    if (talk.typing === typing) return;
    talk.typing = typing;
    this.model.changed("talks");
  }

  #send(user: string, line: Line): void {
    const { model } = this;
    const talk = model.talk(user);
    model.changed("talks");
    this.#client.send(user, line.text).then(
      ({ seq, at }) => {
        stored(talk, line, seq, at);
        model.changed("talks");
      },
      (error: unknown) => {
        line.state = "failed";
        line.why = reason(error);
        model.changed("talks");
      },
    );
  }

  /** Reads the newest page of history once per sign-in; who is no friend yet has none. */
  async #load(user: string): Promise<void> {
    const talk = this.model.talk(user);
    if (talk.loaded || talk.loading || this.model.people.get(user)?.state !== "friend") return;
    talk.loading = true;
    try {
      const { list, more } = await this.#client.history(user, { limit: PAGE });
      refresh(talk, list, more);
      talk.loaded = true;
    } catch (error) {
      this.#later(error, () => this.#load(user));
    }
    talk.loading = false;
    this.model.changed("talks");
  }

  /** Reads the contact list; what changes while it is read makes it read once more. */
  async #list(): Promise<void> {
    this.#listAgain = this.#listing;
    if (this.#listing) return;
    this.#listing = true;
    try {
      const { list } = await this.#client.contacts();
      const { people } = this.model;
      const listed = new Set(list.map((contact) => contact.user));
      for (const user of people.keys()) {
        if (listed.has(user)) continue;
        people.delete(user);
        this.read(user);
      }
      for (const { text, ...contact } of list) {
        Object.assign(this.model.person(contact.user), contact, { invitation: text ?? "" });
      }
      this.model.listed = true;
      for (const user of this.model.open) void this.#load(user);
    } catch (error) {
      this.#later(error, () => this.#list());
    }
    this.#listing = false;
    this.model.changed("people", "talks");
    if (this.#listAgain) await this.#list();
  }

  #answer(user: string, done: Promise<void>): void {
    void done.then(() => this.#list(), (error: unknown) => this.#complain(error, user));
  }

  /** Reading goes on by itself after what passes by itself. */
  #later(error: unknown, again: () => Promise<void>): void {
    const passes = error instanceof PresentlyError && PASSING.has(error.code);
    if (!passes) return this.#complain(error);
    setTimeout(() => void (this.#client.ended || again()), error.retryMs ?? AGAIN_MS);
  }

  #try(done: Promise<void>): void {
    void done.catch((error: unknown) => this.#complain(error));
  }

  #complain(error: unknown, about?: string): void {
    if (error instanceof PresentlyError && error.code === "closed") return;
    this.model.notice = about ? `${about}: ${reason(error)}` : reason(error);
    this.model.changed("connection");
  }
}

/** What an error says, for people. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
