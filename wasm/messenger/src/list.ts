/** The contact list: people in groups with counts, online first. */
import { arrange, attribute, h, text, unseen } from "./dom.js";
import { Frame } from "./frame.js";
import { icon } from "./icons.js";
import { step } from "./menu.js";
import type { Model, Person } from "./model.js";
import type { Session } from "./session.js";
import { look, RANK, STATUS, unread } from "./words.js";

export class ContactList {
  readonly element = h("div", {
    class: "list",
    onkeydown: (event: KeyboardEvent) => this.#key(event),
    onfocusin: (event: FocusEvent) => this.#enter(event.target as HTMLElement),
  });
  readonly #session: Session;
  readonly #model: Model;
  readonly #lines = new Map<string, ContactLine>();
  readonly #asks = new Map<string, Invitation>();
  readonly #groups: Record<"asking" | "online" | "offline" | "asked", Group>;
  readonly #nothing = h("p", { class: "nothing" });
  #sought = "";
  /** Where Tab enters the list. */
  #stop: HTMLElement | undefined;

  constructor(session: Session) {
    this.#session = session;
    this.#model = session.model;
    const show = (): void => this.#show();
    this.#groups = {
      asking: new Group("Invitations", true, show),
      online: new Group("Online", true, show),
      offline: new Group("Offline", false, show),
      asked: new Group("Waiting for an answer", true, show),
    };
    this.element.append(
      ...Object.values(this.#groups).map((group) => group.element),
      this.#nothing,
    );
    this.#model.watch(["people", "talks", "windows"], show);
  }

  /** Shows only who matches; everybody again when it is empty. */
  seek(words: string): void {
    this.#sought = words.trim().toLowerCase();
    this.#show();
  }

  /** The first person shown, for Enter in the search. */
  first(): HTMLElement | undefined {
    return [...this.element.querySelectorAll<HTMLElement>(".line")].find(isShown);
  }

  #show(): void {
    const people = [...this.#model.people.values()].filter((person) => this.#matches(person));
    const asking = people.filter((person) => person.state === "pending");
    const friends = people.filter((person) => person.state === "friend").sort(byStatusThenName);
    const online = friends.filter((person) => person.status !== "offline");
    const offline = friends.filter((person) => person.status === "offline");
    const asked = people.filter((person) => person.state === "invited").sort(byName);
    const seeking = this.#sought !== "";
    const groups = this.#groups;
    groups.asking.show(String(asking.length), seeking, asking.map((p) => this.#ask(p)));
    groups.online.show(`${online.length}/${friends.length}`, seeking, online.map((p) => this.#line(p)));
    const wrote = offline.filter(({ user }) => this.#model.talks.get(user)?.unread);
    groups.offline.show(
      String(offline.length),
      seeking,
      offline.map((p) => this.#line(p)),
      wrote.map((p) => this.#line(p)),
    );
    groups.asked.show(String(asked.length), seeking, asked.map((p) => this.#line(p)));
    this.#forget();
    text(this.#nothing, people.length ? "" : this.#emptiness());
    this.#oneStop();
  }

  #matches({ user, name }: Person): boolean {
    return user.includes(this.#sought) || name.toLowerCase().includes(this.#sought);
  }

  #emptiness(): string {
    if (this.#sought) return `Nobody called “${this.#sought}” here.`;
    return this.#model.listed ? "Nobody here yet. Add a contact to begin." : "";
  }

  #line(person: Person): HTMLElement {
    let line = this.#lines.get(person.user);
    if (!line) this.#lines.set(person.user, (line = new ContactLine(person.user, this.#session)));
    line.show(person, this.#model);
    return line.element;
  }

  #ask(person: Person): HTMLElement {
    let ask = this.#asks.get(person.user);
    if (!ask) this.#asks.set(person.user, (ask = new Invitation(person.user, this.#session)));
    ask.show(person);
    return ask.element;
  }

  #forget(): void {
    const { people } = this.#model;
    for (const user of this.#lines.keys()) if (!people.has(user)) this.#lines.delete(user);
    for (const user of this.#asks.keys()) {
      if (people.get(user)?.state !== "pending") this.#asks.delete(user);
    }
  }

  #stops(): HTMLElement[] {
    return [...this.element.querySelectorAll<HTMLElement>("button")].filter(isShown);
  }

  /** Tab enters the list once; arrows go through it. */
  #oneStop(): void {
    const kept = this.#stop && this.element.contains(this.#stop) && isShown(this.#stop);
    if (!kept) this.#enter(this.first() ?? this.#stops()[0]);
  }

  #enter(stop: HTMLElement | undefined): void {
    // The answers to an invitation are each reached by Tab.
    if (!stop?.hasAttribute("tabindex")) return;
    this.#stop?.setAttribute("tabindex", "-1");
    stop.setAttribute("tabindex", "0");
    this.#stop = stop;
  }

  #key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const stops = this.#stops();
    const to = step(event.key, stops.indexOf(document.activeElement as HTMLElement), stops.length);
    if (to === undefined) return;
    event.preventDefault();
    stops[to]?.focus();
  }
}

class Group {
  readonly element: HTMLElement;
  readonly #count = h("span", { class: "count" });
  readonly #button: HTMLButtonElement;
  readonly #list: HTMLElement;
  #expanded: boolean;

  constructor(name: string, expanded: boolean, changed: () => void) {
    this.#expanded = expanded;
    const turn = (): void => {
      this.#expanded = !this.#expanded;
      changed();
    };
    this.#button = h(
      "button",
      { type: "button", tabindex: -1, onclick: turn },
      ...[icon("chevron"), name, " ", this.#count],
    );
    this.#list = h("ul", { "aria-label": name });
    this.element = h("section", {}, h("h2", {}, this.#button), this.#list);
  }

  /** A group with nobody in it is not there; while seeking, all are open. `urgent` always show. */
  show(count: string, seeking: boolean, lines: HTMLElement[], urgent: HTMLElement[] = []): void {
    const expanded = this.#expanded || seeking;
    this.element.hidden = !lines.length;
    text(this.#count, count);
    attribute(this.#button, "aria-expanded", String(expanded));
    const shown = expanded ? lines : urgent;
    this.#list.hidden = !shown.length;
    arrange(this.#list, shown);
  }
}

class ContactLine {
  readonly element: HTMLElement;
  readonly #frame: Frame;
  readonly #name = h("span", { class: "name", dir: "auto" });
  readonly #status = unseen("");
  readonly #message = h("span", { class: "message", dir: "auto" });
  readonly #unread = h("span", { class: "unread" });
  readonly #button: HTMLButtonElement;

  constructor(user: string, session: Session) {
    this.#frame = new Frame(user, "small", "offline");
    this.#button = h(
      "button",
      {
        ...{ type: "button", class: "line", tabindex: -1, "data-user": user },
        onclick: () => session.open(user),
      },
      this.#frame.element,
      h("span", { class: "words" }, this.#name, this.#status, this.#message),
      this.#unread,
    );
    this.element = h("li", {}, this.#button);
  }

  show({ user, name, status, message, state }: Person, model: Model): void {
    const talk = model.talks.get(user);
    this.#frame.status = status;
    text(this.#name, name || user);
    text(this.#status, `, ${STATUS[status]}. `);
    const under = state === "invited" ? "has not answered yet" : message;
    text(this.#message, talk?.typing ? "is writing…" : under);
    attribute(this.#button, "data-look", look(status));
    attribute(this.#button, "data-typing", talk?.typing);
    attribute(this.#button, "aria-current", model.active === user && "true");
    const count = talk?.unread ?? 0;
    const shown = String(count || "");
    if (this.#unread.dataset["count"] === shown) return;
    this.#unread.dataset["count"] = shown;
    this.#unread.replaceChildren();
    if (!count) return;
    this.#unread.append(h("span", { "aria-hidden": "true" }, count > 99 ? "99+" : shown));
    this.#unread.append(unseen(`, ${unread(count)}`));
  }
}

class Invitation {
  readonly element: HTMLElement;
  readonly #text = h("p", { class: "message", dir: "auto" });

  constructor(user: string, session: Session) {
    const act = (label: string, className: string, run: () => void): HTMLElement =>
      h("button", { type: "button", class: className, "aria-label": `${label} ${user}`, onclick: run }, label);
    this.element = h(
      "li",
      { class: "invitation" },
      new Frame(user, "small", "offline").element,
      h(
        "div",
        { class: "words" },
        h("p", {}, h("strong", { class: "name" }, user), " would like to add you"),
        this.#text,
        h(
          "div",
          { class: "answers" },
          act("Accept", "primary", () => session.accept(user)),
          act("Decline", "plain", () => session.decline(user)),
        ),
      ),
    );
  }

  show({ invitation }: Person): void {
    text(this.#text, invitation && `“${invitation}”`);
  }
}

const isShown = (element: HTMLElement): boolean => !element.closest("[hidden]");

const collator = new Intl.Collator();

function byName(a: Person, b: Person): number {
  return collator.compare(a.name || a.user, b.name || b.user);
}

function byStatusThenName(a: Person, b: Person): number {
  return RANK[a.status] - RANK[b.status] || byName(a, b);
}
