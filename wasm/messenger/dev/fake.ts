/**
 * The public API of `presently` with scripted people, so that the page can be looked at without a
 * server. Never shipped. `window.fake` lets a script make things happen.
 */
import {
  PresentlyError,
  type ConnectOptions,
  type Contact,
  type EventOf,
  type HistoryItem,
  type PresentlyEvent,
  type Status,
} from "../../package/dist/types.js";

export * from "../../package/dist/types.js";

type Kind = PresentlyEvent["event"];

const person = (
  user: string,
  status: Contact["status"],
  name: string,
  message = "",
  state: Contact["state"] = "friend",
  text?: string,
): Contact => ({ user, status, name, message, state, ...(text !== undefined && { text }) });

const PEOPLE: Contact[] = [
  person("bob", "online", "Bob", "building a boat in the cellar"),
  person("carol", "online", "Carol", "♫ nothing but cello today"),
  person("dilan", "busy", "Dilan Öztürk", "thesis. thesis. thesis."),
  person("emeka", "on_the_phone", "Emeka", "ring me after four"),
  person("fatima", "away", "Fatima الزهراء", "القهوة أولاً، ثم كل شيء آخر"),
  person("greta", "be_right_back", "Greta", "at the bakery, does anybody want anything at all? say so before ten"),
  person("hiro", "out_to_lunch", "Hiro"),
  person("ivana", "idle", "Ivana"),
  person("jonas", "offline", "Jonas", "in the mountains until Sunday"),
  person("kim", "offline", "Kim"),
  person("liv", "offline", "Liv", "new number, ask me"),
  person("mateo", "offline", "Mateo"),
  person("noor", "offline", "Noor", "", "pending", "Noor here, from the choir! Anna gave me your name."),
  person("oskar", "offline", "", "", "invited", "It is me, from the train."),
];

const MINUTE = 60_000;
const NOW = new Date().setHours(18, 42, 0, 0);

function script(user: string): HistoryItem[] {
  const words: [string, number, string][] =
    user === "bob"
      ? [
          ["bob", -1510, "the wood arrived, all forty boards of it"],
          ["alice", -1506, "does it fit down the stairs?"],
          ["bob", -1505, "we shall not talk about the stairs"],
          ["bob", -62, "are you around tonight?"],
          ["alice", -58, "from seven on, yes"],
          ["alice", -58, "shall I bring the big clamps?"],
          ["bob", -55, "oh please do"],
          ["bob", -55, "plans are here, page four is the funny one: https://boats.example/plans/dinghy.pdf"],
          ["alice", -4, "that keel is upside down, isn’t it?"],
          ["bob", -2, "…"],
          ["bob", -2, "I have cut it already. It will be a very fast table."],
        ]
      : user === "carol"
        ? [
            ["alice", -32, "how did the rehearsal go?"],
            ["carol", -31, "Bach: yes. Us: nearly."],
            ["carol", -30, "come on Sunday, there is cake after the fugue"],
            ["alice", -12, "you had me at cake"],
          ]
        : user === "fatima"
          ? [
              ["fatima", -20, "صباح الخير! هل قرأتِ الفصل الأخير؟"],
              ["alice", -18, "Last night, until two. What an ending!"],
            ]
          : [];
  return words.map(([from, at, text], seq) => ({ from, seq: seq + 40, text, at: NOW + at * MINUTE }));
}

class Fake {
  readonly user: string;
  readonly ended = false;
  readonly #listeners = new Map<Kind, Set<(event: never) => void>>();
  readonly #stored = new Map<string, HistoryItem[]>();
  #contacts = PEOPLE.map((contact) => ({ ...contact }));
  #waiting: (() => void)[] = [];
  #offline = false;

  constructor(user: string) {
    this.user = user;
    Object.assign(globalThis, { fake: this });
    const own = { user, status: "online" as const, name: "Alice", message: "first snow!" };
    setTimeout(() => {
      this.emit({ event: "signed_in", user, endpoint: "e1" });
      this.emit({ event: "presence", ...own });
    });
  }

  on<K extends Kind>(kind: K, listener: (event: EventOf<K>) => void): () => void {
    const set = this.#listeners.get(kind) ?? new Set();
    this.#listeners.set(kind, set);
    set.add(listener as (event: never) => void);
    return () => void set.delete(listener as (event: never) => void);
  }

  emit(event: PresentlyEvent): void {
    for (const listener of this.#listeners.get(event.event) ?? []) listener(event as never);
  }

  say(from: string, text: string): void {
    const list = this.#talk(from);
    const item = { from, seq: 40 + list.length, text, at: NOW };
    list.push(item);
    this.emit({ event: "message", conversation: from, with: from, ...item });
  }

  cut(retry_ms: number): void {
    this.#offline = true;
    this.emit({ event: "offline", reason: "the connection was lost", retry_ms });
  }

  back(): void {
    this.#offline = false;
    this.emit({ event: "signed_in", user: this.user, endpoint: "e1" });
    for (const go of this.#waiting.splice(0)) go();
  }

  async send(to: string, text: string): Promise<{ seq: number; at: number }> {
    await this.#online();
    if (text === "fail") throw new PresentlyError("too_long", "the text is too long");
    const list = this.#talk(to);
    const item = { from: this.user, seq: 40 + list.length, text, at: NOW };
    list.push(item);
    return item;
  }

  typing(): void {}

  async setStatus(_status: Status): Promise<void> {
    await this.#online();
  }

  async setMessage(): Promise<void> {
    await this.#online();
  }

  async setName(): Promise<void> {
    await this.#online();
  }

  async add(user: string, text = ""): Promise<void> {
    await this.#online();
    if (user === "nobody") throw new PresentlyError("no_such_user", "There is nobody called nobody.");
    this.#contacts.push(person(user, "offline", "", "", "invited", text));
  }

  async accept(user: string): Promise<void> {
    for (const contact of this.#contacts) {
      if (contact.user === user) Object.assign(contact, { state: "friend", status: "online" });
    }
  }

  async decline(user: string): Promise<void> {
    await this.remove(user);
  }

  async remove(user: string): Promise<void> {
    this.#contacts = this.#contacts.filter((contact) => contact.user !== user);
  }

  async contacts(): Promise<{ revision: number; list: Contact[] }> {
    await this.#online();
    return { revision: 1, list: this.#contacts };
  }

  async history(user: string): Promise<{ list: HistoryItem[]; more: boolean }> {
    await this.#online();
    return { list: [...this.#talk(user)], more: user === "bob" };
  }

  async signOut(): Promise<void> {}

  #talk(user: string): HistoryItem[] {
    let list = this.#stored.get(user);
    if (!list) this.#stored.set(user, (list = script(user)));
    return list;
  }

  async #online(): Promise<void> {
    if (this.#offline) await new Promise<void>((go) => this.#waiting.push(go));
  }
}

export type Presently = Fake;

export async function connect({ user, password }: ConnectOptions): Promise<Fake> {
  await new Promise((resolve) => setTimeout(resolve, 60));
  if (user !== password) {
    throw new PresentlyError("wrong_password", "That name and password do not fit together.");
  }
  return new Fake(user);
}
