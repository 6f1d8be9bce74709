/** One conversation in its own window. */
import { askToRemove } from "./dialogs.js";
import { attribute, h, text } from "./dom.js";
import { Frame } from "./frame.js";
import { icon } from "./icons.js";
import { closed, opened } from "./layers.js";
import { Log } from "./log.js";
import { menu } from "./menu.js";
import type { Session } from "./session.js";
import { look, STATUS, unread } from "./words.js";

export class TalkWindow {
  readonly element: HTMLElement;
  readonly #user: string;
  readonly #session: Session;
  readonly #frame: Frame;
  readonly #log: Log;
  readonly #name = h("span", { class: "name", dir: "auto" });
  readonly #status = h("span", { class: "status" });
  readonly #message = h("p", { class: "message", dir: "auto" });
  readonly #unread = h("span", { class: "unread" });
  readonly #typing = h("p", { class: "typing", "aria-live": "polite" });
  readonly #composer: HTMLTextAreaElement;

  constructor(session: Session, user: string) {
    this.#session = session;
    this.#user = user;
    this.#frame = new Frame(user, "middle", "offline");
    this.#log = new Log(session, session.model.talk(user));
    this.#composer = h("textarea", {
      ...{ rows: 1, dir: "auto", enterkeyhint: "send", placeholder: "Write a message" },
      oninput: () => this.#written(),
      onkeydown: (event: KeyboardEvent) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        this.#say();
      },
    });
    this.element = h(
      "article",
      { class: "window", "data-user": user, tabindex: -1, onfocusin: () => this.#focused() },
      this.#head(),
      this.#log.element,
      this.#typing,
      h(
        "form",
        { class: "composer", onsubmit: (event: Event) => (event.preventDefault(), this.#say()) },
        this.#composer,
        h("button", { type: "submit", class: "tool send", "aria-label": "Send" }, icon("send")),
      ),
    );
    this.#composer.value = session.model.talk(user).draft;
    this.#fit();
    this.rise();
  }

  /** It is now what Escape closes. */
  rise(): void {
    opened(`talk ${this.#user}`, () => this.#session.close(this.#user));
  }

  focus(): void {
    this.#log.toEnd();
    this.#composer.focus({ preventScroll: true });
  }

  gone(): void {
    closed(`talk ${this.#user}`);
    this.element.remove();
  }

  show(): void {
    const { model } = this.#session;
    const user = this.#user;
    const talk = model.talk(user);
    const person = model.people.get(user);
    const status = person?.status ?? "offline";
    const name = model.nameOf(user);
    this.#frame.status = status;
    text(this.#name, name);
    text(this.#status, STATUS[status]);
    attribute(this.#status, "data-look", look(status));
    text(this.#message, person?.message ?? "");
    attribute(this.element, "aria-label", name);
    attribute(this.element, "data-active", model.active === user);
    attribute(this.element, "data-unread", talk.unread > 0);
    attribute(this.#unread, "aria-label", talk.unread ? unread(talk.unread) : undefined);
    attribute(this.#unread, "role", talk.unread ? "img" : undefined);
    text(this.#unread, talk.unread ? String(talk.unread) : "");
    text(this.#typing, talk.typing ? `${name} is writing…` : "");
    attribute(this.#composer, "aria-label", `Message to ${name}`);
    this.#log.show();
  }

  #head(): HTMLElement {
    const session = this.#session;
    const user = this.#user;
    const tool = (label: string, sign: "more" | "close" | "back", act?: () => void): HTMLButtonElement =>
      h(
        "button",
        { type: "button", class: `tool ${sign}`, "aria-label": label, ...(act && { onclick: act }) },
        icon(sign),
      );
    const remove = (): void => {
      askToRemove(session.model.nameOf(user), () => {
        session.remove(user);
        session.close(user);
      });
    };
    return h(
      "header",
      {},
      tool("Back to the list", "back", () => history.back()),
      this.#frame.element,
      h(
        "div",
        { class: "words" },
        h("div", { class: "first" }, h("h2", {}, this.#name), this.#status),
        this.#message,
      ),
      this.#unread,
      menu(tool("More", "more"), "More", () => [{ label: "Remove contact", act: remove }]),
      tool("Close", "close", () => session.close(user)),
    );
  }

  #focused(): void {
    const { model } = this.#session;
    if (model.active !== this.#user) this.#session.open(this.#user);
    else this.#session.read(this.#user);
  }

  #written(): void {
    this.#fit();
    this.#session.model.talk(this.#user).draft = this.#composer.value;
    if (this.#composer.value) this.#session.typing(this.#user);
  }

  #say(): void {
    const words = this.#composer.value.trim();
    if (!words) return;
    this.#composer.value = "";
    this.#session.model.talk(this.#user).draft = "";
    this.#fit();
    this.#session.say(this.#user, words);
    this.#log.toEnd();
    this.#composer.focus();
  }

  /** The field grows with what is in it; the style sheet says how far. */
  #fit(): void {
    const lines = this.#composer.value.split("\n").length;
    this.#composer.rows = Math.min(lines, 6);
  }
}
