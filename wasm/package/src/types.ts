/**
 * The words of Presently: statuses, the items of lists, and every event a client can see.
 *
 * They are the same, name for name, as those of `presently client` (the JSON Lines client), so that
 * what is learned with one holds for the other.
 */

/** A status a person can choose. */
export type Status =
  | "online"
  | "busy"
  | "idle"
  | "be_right_back"
  | "away"
  | "on_the_phone"
  | "out_to_lunch"
  | "appear_offline";

/** A status as others see it: somebody who appears offline is `offline`. */
export type SeenStatus = Exclude<Status, "appear_offline"> | "offline";

/** How far a contact has come: `invited` was asked by us, `pending` asks us. */
export type ContactState = "friend" | "invited" | "pending";

/** A person in the contact list. */
export interface Contact {
  user: string;
  state: ContactState;
  /** The text of the invitation, while there is one. */
  text?: string;
  status: SeenStatus;
  name: string;
  message: string;
}

/** A message of a conversation, as `history` gives it. */
export interface HistoryItem {
  from: string;
  /** Its place in the conversation; the order of everybody. */
  seq: number;
  text: string;
  /** When the server stored it, in milliseconds since 1970. */
  at: number;
}

/** Signed in, at first or again after the connection was lost. */
export interface SignedInEvent {
  event: "signed_in";
  user: string;
  endpoint: string;
}

/** What a contact shows now; for one's own name, what one shows, as chosen. */
export interface PresenceEvent {
  event: "presence";
  user: string;
  status: SeenStatus | Status;
  name: string;
  message: string;
}

/** Somebody asks to be a contact. */
export interface InvitedEvent {
  event: "invited";
  user: string;
  text: string;
}

/** The contact list changed. */
export interface ContactEvent {
  event: "contact";
  user: string;
  change: ContactState | "removed";
}

/** Something was said in a conversation, by oneself too. Each comes once, in order. */
export interface MessageEvent {
  event: "message";
  from: string;
  /** The id of the conversation. */
  conversation: string;
  /** The other person of the conversation. */
  with: string;
  seq: number;
  text: string;
  at: number;
}

/** The server has stored message `id`. */
export interface AckedEvent {
  event: "acked";
  id: number;
  seq: number;
  at: number;
}

/** Somebody is writing; it holds for six seconds. */
export interface TypingEvent {
  event: "typing";
  user: string;
}

/** The answer to `contacts`. */
export interface ContactsEvent {
  event: "contacts";
  id: number;
  revision: number;
  list: Contact[];
}

/** The answer to `history`; `more` says that there are older messages. */
export interface HistoryEvent {
  event: "history";
  id: number;
  list: HistoryItem[];
  more: boolean;
}

/** The answer to a command that has no other. */
export interface DoneEvent {
  event: "done";
  id: number;
}

/** What went wrong; with `id` it answers a command. */
export interface ErrorEvent {
  event: "error";
  id?: number;
  code: string;
  text: string;
  retry_ms?: number;
}

/** There is no connection; the client tries again by itself in `retry_ms`. */
export interface OfflineEvent {
  event: "offline";
  reason: string;
  retry_ms: number;
}

/** A reader of `events()` was too slow: `missed` events were dropped before the next one. */
export interface LaggedEvent {
  event: "lagged";
  missed: number;
}

/** Everything that can happen; `event` tells which. */
export type PresentlyEvent =
  | SignedInEvent
  | PresenceEvent
  | InvitedEvent
  | ContactEvent
  | MessageEvent
  | AckedEvent
  | TypingEvent
  | ContactsEvent
  | HistoryEvent
  | DoneEvent
  | ErrorEvent
  | OfflineEvent
  | LaggedEvent;

/** The event called `K`. */
export type EventOf<K extends PresentlyEvent["event"]> = Extract<PresentlyEvent, { event: K }>;

/** What `connect` needs. */
export interface ConnectOptions {
  /** Where the server is: `ws://host:1863/ws`; in node `tcp://host:1863` is the same. */
  url: string;
  user: string;
  password: string;
  /** What one shows from the first moment on: `online` where left out. */
  status?: Status;
  /** Gives up signing in; once signed in, it does nothing. */
  signal?: AbortSignal;
}

/** Why something was refused, or did not happen. */
export class PresentlyError extends Error {
  override readonly name = "PresentlyError";
  /** The kind of error, for programs. */
  readonly code: string;
  /** What happened, for people. */
  readonly text: string;
  /** When it is worth trying again, if it is. */
  readonly retryMs?: number;

  constructor(code: string, text: string, retryMs?: number) {
    super(text);
    this.code = code;
    this.text = text;
    if (retryMs !== undefined) this.retryMs = retryMs;
  }
}
