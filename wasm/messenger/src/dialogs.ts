/** The two questions the page asks: whom to add, and whether to remove. */
import { attribute, h } from "./dom.js";
import { reason, type Session } from "./session.js";

const TEXT_LIMIT = 128;
const NAME_LIMIT = 64;

/** Adds a contact by name, with a text. */
export function askToAdd(session: Session): void {
  const user = h("input", {
    ...{ id: "add-user", maxlength: NAME_LIMIT, autocomplete: "off", autocapitalize: "none" },
    ...{ spellcheck: "false", required: true },
  });
  const words = h("textarea", { id: "add-text", rows: 3, maxlength: TEXT_LIMIT, dir: "auto" });
  const problem = h("p", { class: "problem", role: "alert" });
  const submit = h("button", { type: "submit", class: "primary" }, "Send invitation");
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    const name = user.value.trim().toLowerCase();
    problem.textContent = name ? "" : "Please give a name.";
    if (!name) return user.focus();
    attribute(submit, "aria-disabled", "true");
    try {
      await session.add(name, words.value.trim());
      dialog.close();
    } catch (error) {
      problem.textContent = reason(error);
      user.focus();
    }
    attribute(submit, "aria-disabled", false);
  };
  const dialog: HTMLDialogElement = ask("Add a contact", [
    h(
      "form",
      { novalidate: true, onsubmit: send },
      h("div", { class: "field" }, h("label", { for: "add-user" }, "Name"), user),
      h("div", { class: "field" }, h("label", { for: "add-text" }, "A few words, so that they know it is you"), words),
      problem,
      h("div", { class: "buttons" }, cancel(() => dialog.close()), submit),
    ),
  ]);
}

/** Asks before a contact is removed. */
export function askToRemove(name: string, remove: () => void): void {
  const act = (): void => {
    dialog.close();
    remove();
  };
  const dialog: HTMLDialogElement = ask(`Remove ${name}?`, [
    h("p", {}, "You will no longer see each other. What you said to each other stays."),
    h(
      "div",
      { class: "buttons" },
      cancel(() => dialog.close()),
      h("button", { type: "button", class: "primary danger", onclick: act }, "Remove"),
    ),
  ]);
}

const cancel = (close: () => void): HTMLElement =>
  h("button", { type: "button", class: "plain", onclick: close }, "Cancel");

function ask(title: string, content: HTMLElement[]): HTMLDialogElement {
  const heading = h("h2", { id: "dialog-title" }, title);
  const dialog: HTMLDialogElement = h(
    "dialog",
    {
      "aria-labelledby": "dialog-title",
      onclose: () => dialog.remove(),
      // Only a press on the backdrop has the dialog itself as its target.
      onpointerdown: (event: PointerEvent) => event.target === dialog && dialog.close(),
    },
    h("div", { class: "inside" }, heading, ...content),
  );
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
