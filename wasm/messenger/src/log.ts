/** The messages of a conversation: runs of one person under one line with the time. */
import { arrange, attribute, h, text, unseen } from "./dom.js";
import { icon, type Sign } from "./icons.js";
import type { Line, Model, Talk } from "./model.js";
import type { Session } from "./session.js";
import { dayOf, timeOf, wholeTimeOf } from "./words.js";

/** A pause as long as this begins a new run. */
const PAUSE_MS = 5 * 60_000;
const NEAR_END = 48;
const NEAR_START = 60;

export class Log {
  readonly element: HTMLElement;
  readonly #talk: Talk;
  readonly #model: Model;
  readonly #session: Session;
  readonly #runs = new Map<string, Run>();
  readonly #lines = new Map<string, MessageLine>();
  readonly #list: HTMLElement;
  readonly #earlier: HTMLButtonElement;
  readonly #beginning = h("p", { class: "beginning" });
  #atEnd = true;

  constructor(session: Session, talk: Talk) {
    this.#session = session;
    this.#model = session.model;
    this.#talk = talk;
    const name = this.#model.nameOf(talk.user);
    const earlier = (): void => void session.earlier(talk.user);
    this.#list = h("div", { class: "runs", role: "log", "aria-label": `Messages with ${name}` });
    this.#earlier = h("button", { type: "button", class: "plain", onclick: earlier }, "Earlier messages");
    this.element = h(
      "div",
      { class: "log", tabindex: 0, role: "region", "aria-label": `Conversation with ${name}` },
      this.#earlier,
      this.#beginning,
      this.#list,
    );
    this.element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#stay()).observe(this.element);
    // Only what comes now is read out, not what was there.
    attribute(this.#list, "aria-live", "off");
  }

  show(): void {
    const talk = this.#talk;
    const fromEnd = this.element.scrollHeight - this.element.scrollTop;
    const nodes: Element[] = [];
    let day = "";
    for (const lines of runsOf(talk.lines)) {
      const first = lines[0];
      if (!first) continue;
      const today = dayOf(first.at);
      const run = this.#run(first);
      run.show(lines.map((line) => this.#line(line)), first, this.#model, today === day ? "" : today);
      nodes.push(run.element);
      day = today;
    }
    this.#forget();
    arrange(this.#list, nodes);
    this.#earlier.hidden = !talk.more;
    text(this.#beginning, talk.lines.length ? "" : this.#emptiness());
    this.#beginning.hidden = !this.#beginning.textContent;
    if (talk.loaded) attribute(this.#list, "aria-live", "polite");
    if (this.#atEnd) this.#stay();
    else if (this.element.scrollTop < NEAR_START) {
      this.element.scrollTop = this.element.scrollHeight - fromEnd;
    }
  }

  #emptiness(): string {
    const { user, loaded } = this.#talk;
    const asked = this.#model.people.get(user)?.state === "invited";
    if (asked) return `${this.#model.nameOf(user)} has not answered your invitation yet.`;
    return loaded ? "Say hello." : "";
  }

  toEnd(): void {
    this.#atEnd = true;
    this.#stay();
  }

  #stay(): void {
    if (this.#atEnd) this.element.scrollTop = this.element.scrollHeight;
  }

  #scrolled(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    if (scrollTop < NEAR_START && this.#talk.more && !this.#atEnd) {
      void this.#session.earlier(this.#talk.user);
    }
  }

  #run(first: Line): Run {
    let run = this.#runs.get(first.key);
    if (!run) this.#runs.set(first.key, (run = new Run()));
    return run;
  }

  #line(line: Line): HTMLElement {
    let shown = this.#lines.get(line.key);
    if (!shown) {
      const again = (): void => this.#session.again(this.#talk.user, line);
      this.#lines.set(line.key, (shown = new MessageLine(line, again)));
    }
    shown.show(line, line.from === this.#model.me.user);
    return shown.element;
  }

  #forget(): void {
    const keys = new Set(this.#talk.lines.map((line) => line.key));
    for (const key of this.#lines.keys()) if (!keys.has(key)) this.#lines.delete(key);
    for (const key of this.#runs.keys()) if (!keys.has(key)) this.#runs.delete(key);
  }
}

class Run {
  readonly #day = h("p", { class: "day" });
  readonly #who = h("span", { class: "who", dir: "auto" });
  readonly #time = h("time", {});
  readonly #lines = h("div", { class: "texts" });
  readonly element = h(
    "div",
    { class: "run" },
    this.#day,
    h("p", { class: "says" }, this.#who, " says", unseen(" at "), this.#time),
    this.#lines,
  );

  show(lines: HTMLElement[], { from, at }: Line, model: Model, day: string): void {
    attribute(this.element, "data-mine", from === model.me.user);
    text(this.#who, model.nameOf(from));
    text(this.#time, timeOf(at));
    attribute(this.#time, "datetime", new Date(at).toISOString());
    attribute(this.#time, "title", wholeTimeOf(at));
    text(this.#day, day);
    this.#day.hidden = !day;
    arrange(this.#lines, lines);
  }
}

const STATES: Record<Line["state"], { sign: Sign; words: string }> = {
  waiting: { sign: "waiting", words: "Waiting to be sent" },
  stored: { sign: "stored", words: "Sent" },
  failed: { sign: "failed", words: "Not sent" },
};

class MessageLine {
  readonly element: HTMLElement;
  readonly #mark = h("span", { class: "mark" });
  readonly #again: () => void;
  #state: Line["state"] | undefined;

  constructor(line: Line, again: () => void) {
    this.#again = again;
    const words = h("span", { class: "said", dir: "auto" }, ...withLinks(line.text));
    this.element = h("div", { class: "text" }, words, this.#mark);
  }

  show(line: Line, mine: boolean): void {
    if (!mine || line.state === this.#state) return;
    this.#state = line.state;
    const { sign, words } = STATES[line.state];
    attribute(this.element, "data-state", line.state);
    attribute(this.#mark, "title", line.why ? `${words}: ${line.why}` : words);
    this.#mark.replaceChildren(icon(sign));
    if (line.state !== "failed") return void this.#mark.append(unseen(words));
    this.#mark.append(
      h("span", {}, `${words}: ${line.why ?? "try again"} `),
      h("button", { type: "button", class: "link", onclick: this.#again }, "Try again"),
    );
  }
}

function runsOf(lines: readonly Line[]): Line[][] {
  const runs: Line[][] = [];
  let last: Line | undefined;
  for (const line of lines) {
    const goesOn =
      last?.from === line.from &&
      line.at - last.at < PAUSE_MS &&
      new Date(line.at).getDate() === new Date(last.at).getDate();
    if (goesOn) runs.at(-1)?.push(line);
    else runs.push([line]);
    last = line;
  }
  return runs;
}

/** What people write is text; only web addresses become links. */
function withLinks(words: string): (Node | string)[] {
  return words.split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?')\]])/).map((part, at) => {
    if (at % 2 === 0) return part;
    return h("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part);
  });
}
