/** A menu that hangs from a button. */
import { attribute, h } from "./dom.js";
import { closed, opened } from "./layers.js";

export interface Item {
  label: string;
  sign?: Node;
  /** For items of which one is chosen. */
  checked?: boolean;
  /** A line above it. */
  apart?: boolean;
  act: () => void;
}

/** Wraps `button` so that it opens a menu; `items` are asked for each time. */
export function menu(button: HTMLButtonElement, label: string, items: () => Item[]): HTMLElement {
  const list = h("div", { class: "menu", role: "menu", "aria-label": label, hidden: true });
  const holder = h("div", { class: "has-menu" }, button, list);
  attribute(button, "aria-haspopup", "menu");
  attribute(button, "aria-expanded", "false");

  const all = (): HTMLElement[] => [...list.querySelectorAll<HTMLElement>("button")];
  const close = (): void => {
    if (list.hidden) return;
    const inside = holder.contains(document.activeElement);
    list.hidden = true;
    attribute(button, "aria-expanded", "false");
    closed(list);
    if (inside) button.focus();
  };
  const open = (): void => {
    list.replaceChildren(...items().map((item) => entry(item, close)));
    list.hidden = false;
    attribute(button, "aria-expanded", "true");
    opened(list, close);
    (list.querySelector<HTMLElement>("[aria-checked=true]") ?? all()[0])?.focus();
  };

  button.addEventListener("click", () => (list.hidden ? open() : close()));
  button.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" || event.altKey) return;
    event.preventDefault();
    open();
  });
  list.addEventListener("keydown", (event) => {
    const entries = all();
    const to = step(event.key, entries.indexOf(document.activeElement as HTMLElement), entries.length);
    if (to === undefined || event.altKey) return;
    event.preventDefault();
    entries[to]?.focus();
  });
  holder.addEventListener("focusout", (event) => {
    if (!holder.contains(event.relatedTarget as Node | null)) close();
  });
  return holder;
}

/** Where a key leads among `count` things of which `at` is current. */
export function step(key: string, at: number, count: number): number | undefined {
  if (key === "ArrowDown") return (at + 1) % count;
  if (key === "ArrowUp") return (Math.max(at, 0) - 1 + count) % count;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  return undefined;
}

function entry({ label, sign, checked, apart, act }: Item, close: () => void): HTMLElement {
  return h(
    "button",
    {
      type: "button",
      role: checked === undefined ? "menuitem" : "menuitemradio",
      "aria-checked": checked === undefined ? undefined : String(checked),
      class: apart && "apart",
      tabindex: -1,
      onclick: () => {
        close();
        act();
      },
    },
    sign,
    label,
  );
}
