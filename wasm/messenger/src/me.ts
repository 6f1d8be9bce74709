/** The top of the list: my frame, my name, my personal message. */
import { drawing, h, text } from "./dom.js";
import { Editable } from "./editable.js";
import { Frame, shape } from "./frame.js";
import { icon } from "./icons.js";
import { menu, type Item } from "./menu.js";
import { scenes } from "./scenes.js";
import type { Session } from "./session.js";
import { CHOICES, look, STATUS } from "./words.js";

const LIMIT = 128;

export function myLine(session: Session, signOut: () => void): HTMLElement {
  const { model } = session;
  const frame = new Frame(model.me.user, "large", model.me.status);
  const status = h("span", { class: "status" });
  const button = h("button", { type: "button", class: "me-frame" }, frame.element);
  const name = new Editable("my-name", {
    label: "My name",
    invitation: model.me.user,
    limit: LIMIT,
    save: (value) => session.setName(value),
  });
  const message = new Editable("my-message", {
    label: "My personal message",
    invitation: "Share a quick message",
    limit: LIMIT,
    save: (value) => session.setMessage(value),
  });
  const statuses = (): Item[] => [
    ...CHOICES.map((choice) => ({
      label: STATUS[choice],
      sign: colored(choice),
      checked: model.me.status === choice,
      apart: choice === "appear_offline",
      act: () => session.setStatus(choice),
    })),
    { label: "Sign out", sign: blank(), apart: true, act: signOut },
  ];
  const scene = h("button", { type: "button", class: "tool", "aria-label": "Scene" }, icon("scene"));

  model.watch(["me"], () => {
    frame.status = model.offline ? "offline" : model.me.status;
    text(status, model.offline ? "Not connected" : STATUS[model.me.status]);
    button.setAttribute("aria-label", `My status: ${STATUS[model.me.status]}`);
    name.show(model.me.name || model.me.user);
    message.show(model.me.message);
  });
  return h(
    "header",
    { class: "me" },
    menu(button, "My status", statuses),
    h("div", { class: "who" }, name.element, status, message.element),
    h("div", { class: "corner" }, menu(scene, "Scene", scenes)),
  );
}

function colored(status: (typeof CHOICES)[number]): HTMLElement {
  return h("span", { class: "sign", "data-look": look(status) }, shape(look(status)));
}

const blank = (): Node => drawing("0 0 16 16", "", "shape");
