/** Where conversations stand: side by side where there is room, else one, with tabs. */
import { arrange, attribute, h, text, unseen } from "./dom.js";
import { Frame } from "./frame.js";
import { icon } from "./icons.js";
import type { Model } from "./model.js";
import type { Session } from "./session.js";
import { TalkWindow } from "./window.js";
import { STATUS, unread } from "./words.js";

/** The least width of a window, in rem: larger letters need wider windows. */
const NARROWEST = 21;
const PHONE = matchMedia("(max-width: 39.99em)");

export class Stage {
  readonly element: HTMLElement;
  readonly #session: Session;
  readonly #model: Model;
  readonly #views = new Map<string, TalkWindow>();
  readonly #tabs = new Map<string, Tab>();
  readonly #row = h("ul", {});
  readonly #bar: HTMLElement;
  readonly #windows = h("div", { class: "windows" });
  readonly #choice: HTMLButtonElement;
  #beside = true;
  #room = 1;
  #active: string | undefined;
  #calls = 0;

  constructor(session: Session) {
    this.#session = session;
    this.#model = session.model;
    this.#choice = h("button", { type: "button", class: "tool", onclick: () => this.#choose() });
    this.#bar = h("nav", { class: "tabs", "aria-label": "Open conversations" }, this.#row, this.#choice);
    this.element = h("section", { class: "stage", "aria-label": "Conversations" }, this.#bar, this.#windows, welcome());
    new ResizeObserver(([entry]) => {
      const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
      this.#room = Math.max(1, Math.floor((entry?.contentRect.width ?? 0) / (NARROWEST * rem)));
      this.#show();
    }).observe(this.element);
    this.#model.watch(["windows", "talks", "people", "me"], () => this.#show());
    addEventListener("popstate", () => {
      if (PHONE.matches && this.#model.active) this.#session.leave();
    });
    PHONE.addEventListener("change", () => this.#show());
  }

  /** The next open conversation, or the one before. */
  turn(by: 1 | -1): void {
    const { open, active } = this.#model;
    if (!open.length) return;
    const at = active === undefined ? (by > 0 ? -1 : open.length) : open.indexOf(active);
    const next = open[(at + by + open.length) % open.length];
    if (next !== undefined) this.#session.open(next);
  }

  #show(): void {
    const { open, recent, active } = this.#model;
    const room = this.#beside && !PHONE.matches ? this.#room : 1;
    const standing = new Set(recent.slice(-room));
    for (const [user, view] of this.#views) {
      if (open.includes(user)) continue;
      view.gone();
      this.#views.delete(user);
      this.#tabs.delete(user);
    }
    const views = open.map((user) => this.#view(user));
    arrange(this.#windows, views.map((view) => view.element));
    for (const user of open) {
      const view = this.#view(user);
      view.element.hidden = !standing.has(user);
      if (standing.has(user)) view.show();
    }
    this.#showTabs(open, open.length > room);
    attribute(this.element, "data-empty", !open.length);
    attribute(document.body, "data-talking", active !== undefined);
    this.#moved(active);
  }

  #showTabs(open: string[], crowded: boolean): void {
    const couldStand = this.#room > 1 && open.length > 1 && !PHONE.matches;
    this.#bar.hidden = PHONE.matches || !(crowded || couldStand);
    arrange(this.#row, open.map((user) => this.#tab(user)));
    this.#choice.hidden = !couldStand;
    const label = this.#beside ? "One at a time" : "Side by side";
    if (this.#choice.title === label) return;
    this.#choice.title = label;
    this.#choice.setAttribute("aria-label", label);
    this.#choice.replaceChildren(icon(this.#beside ? "tabs" : "beside"));
  }

  /** The keyboard follows the conversation; without one it goes back to its line in the list. */
  #moved(active: string | undefined): void {
    const before = this.#active;
    const called = this.#calls !== this.#model.calls;
    this.#active = active;
    this.#calls = this.#model.calls;
    if (before === active && !called) return;
    if (active !== undefined) {
      if (before === undefined && PHONE.matches) history.pushState("talk", "");
      const view = this.#views.get(active);
      view?.rise();
      if (!view?.element.contains(document.activeElement)) view?.focus();
      return;
    }
    if (PHONE.matches && history.state === "talk") history.back();
    const line = `.list .line[data-user="${CSS.escape(before ?? "")}"]`;
    const back =
      document.querySelector<HTMLElement>(line) ??
      document.querySelector<HTMLElement>(".search input");
    back?.focus();
  }

  #view(user: string): TalkWindow {
    let view = this.#views.get(user);
    if (!view) this.#views.set(user, (view = new TalkWindow(this.#session, user)));
    return view;
  }

  #tab(user: string): HTMLElement {
    let tab = this.#tabs.get(user);
    if (!tab) this.#tabs.set(user, (tab = new Tab(user, this.#session)));
    tab.show(this.#model);
    return tab.element;
  }

  #choose(): void {
    this.#beside = !this.#beside;
    this.#show();
  }
}

class Tab {
  readonly element: HTMLElement;
  readonly #user: string;
  readonly #frame: Frame;
  readonly #button: HTMLButtonElement;
  readonly #close: HTMLButtonElement;
  readonly #name = h("span", { class: "name", dir: "auto" });
  readonly #words = unseen("");
  readonly #unread = h("span", { class: "unread", "aria-hidden": "true" });

  constructor(user: string, session: Session) {
    this.#user = user;
    this.#frame = new Frame(user, "small", "offline");
    this.#button = h(
      "button",
      { type: "button", onclick: () => session.open(user) },
      ...[this.#frame.element, this.#name, this.#words, this.#unread],
    );
    const close = (): void => session.close(user);
    this.#close = h("button", { type: "button", class: "tool", onclick: close }, icon("close"));
    this.element = h("li", {}, this.#button, this.#close);
  }

  show(model: Model): void {
    const status = model.people.get(this.#user)?.status ?? "offline";
    const count = model.talk(this.#user).unread;
    const name = model.nameOf(this.#user);
    this.#frame.status = status;
    text(this.#name, name);
    text(this.#words, `, ${STATUS[status]}${count ? `, ${unread(count)}` : ""}`);
    text(this.#unread, count ? String(count) : "");
    attribute(this.#close, "aria-label", `Close ${name}`);
    attribute(this.#button, "aria-current", model.active === this.#user && "true");
    attribute(this.element, "data-unread", count > 0);
    attribute(this.element, "data-active", model.active === this.#user);
  }
}

function welcome(): HTMLElement {
  const key = (...names: string[]): HTMLElement =>
    h("span", {}, ...names.flatMap((name, at) => [at ? " " : "", h("kbd", {}, name)]));
  const row = (keys: HTMLElement, does: string): HTMLElement[] => [
    h("dt", {}, keys),
    h("dd", {}, does),
  ];
  return h(
    "div",
    { class: "welcome" },
    h("p", { class: "lead" }, "Choose somebody to talk to"),
    h(
      "dl",
      {},
      ...row(key("/"), "find somebody"),
      ...row(key("Alt", "→"), "next conversation"),
      ...row(key("Esc"), "close what opened last"),
    ),
  );
}
