/** What the page knows. Views watch the topics they show; they are told once per turn. */
import type { ContactState } from "presently";
import type { AnyStatus } from "./words.js";

export interface Person {
  user: string;
  state: ContactState;
  status: AnyStatus;
  name: string;
  message: string;
  invitation: string;
}

/** One message as the page shows it. */
export interface Line {
  /** Stays the same while the message goes from waiting to stored. */
  readonly key: string;
  readonly from: string;
  readonly text: string;
  at: number;
  seq?: number;
  state: "waiting" | "stored" | "failed";
  why?: string;
}

export interface Talk {
  readonly user: string;
  lines: Line[];
  /** There are older messages at the server. */
  more: boolean;
  /** Whether history was read since signing in. */
  loaded: boolean;
  loading: boolean;
  unread: number;
  /** What is written and not sent yet. */
  draft: string;
  typing: boolean;
}

export type Topic = "me" | "people" | "talks" | "windows" | "connection";

export class Model {
  me: { user: string; status: AnyStatus; name: string; message: string };
  readonly people = new Map<string, Person>();
  readonly talks = new Map<string, Talk>();
  /** Open conversations in the order they were opened. */
  open: string[] = [];
  /** The same, the one used last at the end. */
  recent: string[] = [];
  active: string | undefined;
  /** How often a conversation was called for; the keyboard follows each call. */
  calls = 0;
  offline: { reason: string; until: number } | undefined;
  /** Something went wrong that belongs to no message. */
  notice: string | undefined;
  /** Whether the first contact list has come. */
  listed = false;

  readonly #watchers = new Set<{ topics: Topic[]; show: () => void }>();
  readonly #dirty = new Set<Topic>();

  constructor(user: string, status: AnyStatus) {
    this.me = { user, status, name: "", message: "" };
  }

  /** Calls `show` now, and after every turn in which one of the topics changed. */
  watch(topics: Topic[], show: () => void): void {
    this.#watchers.add({ topics, show });
    show();
  }

  changed(...topics: Topic[]): void {
    if (!this.#dirty.size) queueMicrotask(() => this.#tell());
    for (const topic of topics) this.#dirty.add(topic);
  }

  person(user: string): Person {
    let person = this.people.get(user);
    if (!person) {
      const blank = { name: "", message: "", invitation: "" };
      person = { user, state: "friend", status: "offline", ...blank };
      this.people.set(user, person);
    }
    return person;
  }

  nameOf(user: string): string {
    if (user === this.me.user) return this.me.name || user;
    return this.people.get(user)?.name || user;
  }

  talk(user: string): Talk {
    let talk = this.talks.get(user);
    if (!talk) {
      talk = {
        ...{ user, lines: [], unread: 0, draft: "" },
        ...{ more: false, loaded: false, loading: false, typing: false },
      };
      this.talks.set(user, talk);
    }
    return talk;
  }

  get unread(): number {
    let sum = 0;
    for (const talk of this.talks.values()) sum += talk.unread;
    return sum;
  }

  #tell(): void {
    const dirty = new Set(this.#dirty);
    this.#dirty.clear();
    for (const { topics, show } of this.#watchers) {
      if (topics.some((topic) => dirty.has(topic))) show();
    }
  }
}
