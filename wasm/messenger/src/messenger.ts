/** The messenger: list, conversations, and the keys that lead through them. */
import { announcer } from "./announce.js";
import { bar } from "./bar.js";
import { askToAdd } from "./dialogs.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { closed, opened } from "./layers.js";
import { ContactList } from "./list.js";
import { myLine } from "./me.js";
import type { Session } from "./session.js";
import { Stage } from "./stage.js";

/** `signal` ends its listeners when somebody signs out. */
export function messenger(session: Session, signOut: () => void, signal: AbortSignal): HTMLElement {
  const { model } = session;
  const list = new ContactList(session);
  const stage = new Stage(session);
  const search = searchField(list);
  const add = h(
    "button",
    {
      ...{ type: "button", class: "tool", "aria-label": "Add a contact", title: "Add a contact" },
      onclick: () => askToAdd(session),
    },
    icon("add"),
  );

  document.addEventListener("keydown", (event) => keys(event, search, stage), { signal });
  addEventListener("focus", () => model.active && session.read(model.active), { signal });
  model.watch(["talks"], () => {
    document.title = model.unread ? `(${model.unread}) Presently` : "Presently";
  });
  return h(
    "main",
    { class: "messenger", tabindex: -1 },
    h("h1", { class: "unseen" }, "Presently"),
    bar(model),
    h(
      "section",
      { class: "people", "aria-label": "Contacts" },
      myLine(session, signOut),
      h("div", { class: "search" }, icon("search"), search, add),
      list.element,
    ),
    stage.element,
    announcer(),
  );
}

function searchField(list: ContactList): HTMLInputElement {
  const clear = (): void => {
    input.value = "";
    list.seek("");
    closed(input);
  };
  // Whoever was found is found.
  list.element.addEventListener("click", (event) => {
    if ((event.target as Element).closest(".line") && input.value) clear();
  });
  const input = h("input", {
    ...{ type: "search", "aria-label": "Find somebody", placeholder: "Find somebody" },
    ...{ autocomplete: "off", spellcheck: "false", "aria-keyshortcuts": "/" },
    oninput: () => {
      list.seek(input.value);
      if (input.value) opened(input, clear);
      else closed(input);
    },
    onkeydown: (event: KeyboardEvent) => {
      if (event.key === "ArrowDown" && !event.altKey) list.first()?.focus();
      else if (event.key === "Enter" && !event.isComposing && input.value) {
        list.first()?.click();
      } else return;
      event.preventDefault();
    },
  });
  return input;
}

function keys(event: KeyboardEvent, search: HTMLInputElement, stage: Stage): void {
  if (event.isComposing || document.querySelector("dialog[open]")) return;
  const writing = (event.target as Element | null)?.matches?.("input, textarea, select");
  if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    search.focus();
    return;
  }
  if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const forward = document.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
  const backward = document.dir === "rtl" ? "ArrowRight" : "ArrowLeft";
  const by = { [forward]: 1, ArrowDown: 1, [backward]: -1, ArrowUp: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  stage.turn(by > 0 ? 1 : -1);
}
