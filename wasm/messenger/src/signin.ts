/** The sign-in screen. The password is only ever in its field and in the client. */
import { PresentlyError, type Status } from "presently";
import { attribute, h } from "./dom.js";
import { Frame } from "./frame.js";
import { reason, Session } from "./session.js";
import { CHOICES, STATUS } from "./words.js";

const KEY = "presently-user";
const DEMO = ["alice", "bob", "carol"];

export function signIn(demo: boolean, done: (session: Session) => void, why: string): HTMLElement {
  const frame = new Frame("", "large", "offline");
  const face = h("div", { class: "face" }, frame.element);
  const problem = h("p", { class: "problem", role: "alert" }, why);
  const user = field("user", "Name", { autocomplete: "username", autocapitalize: "none" });
  const password = field("password", "Password", {
    autocomplete: "current-password",
    type: "password",
  });
  const status = h(
    "select",
    { id: "status", name: "status", onchange: () => (frame.status = status.value as Status) },
    ...CHOICES.map((choice) => h("option", { value: choice }, STATUS[choice])),
  );
  const submit = h("button", { class: "primary", type: "submit" }, "Sign in");

  const showFace = (): void => {
    const shown = new Frame(user.input.value.trim(), "large", status.value as Status);
    face.replaceChildren(shown.element);
    status.onchange = () => (shown.status = status.value as Status);
  };
  const start = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (submit.getAttribute("aria-disabled")) return;
    const name = user.input.value.trim().toLowerCase();
    if (!name || !password.input.value) {
      problem.textContent = "Please give a name and a password.";
      (name ? password : user).input.focus();
      return;
    }
    busy(true);
    try {
      const chosen = status.value as Status;
      const session = await Session.signIn(name, password.input.value, chosen);
      remember(name);
      done(session);
    } catch (error) {
      problem.textContent = explain(error);
      password.input.focus();
      password.input.select();
    }
    busy(false);
  };
  const busy = (now: boolean): void => {
    if (now) problem.textContent = "";
    attribute(submit, "aria-disabled", now && "true");
    submit.textContent = now ? "Signing in…" : "Sign in";
  };

  user.input.addEventListener("input", showFace);
  user.input.value = remembered();
  showFace();
  queueMicrotask(() => (user.input.value ? password : user).input.focus());

  const people = DEMO.map((name) =>
    h(
      "button",
      {
        type: "button",
        onclick: () => {
          user.input.value = name;
          password.input.value = name;
          showFace();
          submit.focus();
        },
      },
      new Frame(name, "small", "online").element,
      name,
    ),
  );
  return h(
    "main",
    { class: "signin" },
    h(
      "form",
      { novalidate: true, onsubmit: start },
      h("h1", {}, "Presently"),
      face,
      user.element,
      password.element,
      h("div", { class: "field" }, h("label", { for: "status" }, "Sign in as"), status),
      problem,
      submit,
      demo &&
        h(
          "section",
          { class: "demo", "aria-label": "Demo" },
          h("p", {}, "A demo: be one of these, and another in a second window."),
          h("div", {}, ...people),
          h("p", { class: "quiet" }, "Each one’s password is the name."),
        ),
    ),
  );
}

function field(
  name: string,
  label: string,
  props: Record<string, string>,
): { element: HTMLElement; input: HTMLInputElement } {
  const input = h("input", { id: name, name, type: "text", spellcheck: "false", ...props });
  return {
    input,
    element: h("div", { class: "field" }, h("label", { for: name }, label), input),
  };
}

function explain(error: unknown): string {
  if (error instanceof PresentlyError && error.code === "offline") {
    return "The server cannot be reached right now. Please try again in a moment.";
  }
  return reason(error);
}

function remember(user: string): void {
  try {
    sessionStorage.setItem(KEY, user);
  } catch {
    // Then it is typed again.
  }
}

function remembered(): string {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}
