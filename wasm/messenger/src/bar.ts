/** The thin line at the top: no connection, or something that went wrong. */
import { attribute, h, text } from "./dom.js";
import { icon } from "./icons.js";
import type { Model } from "./model.js";

export function bar(model: Model): HTMLElement {
  const words = h("span", {});
  // Read out once, not at every second.
  const count = h("span", { "aria-hidden": "true" });
  const dismiss = h(
    "button",
    {
      ...{ type: "button", class: "tool", "aria-label": "Dismiss" },
      onclick: () => {
        model.notice = undefined;
        model.changed("connection");
      },
    },
    icon("close"),
  );
  const element = h("div", { class: "bar", role: "status" }, words, count, dismiss);
  let timer: ReturnType<typeof setInterval> | undefined;

  const tick = (): void => {
    const left = Math.ceil(((model.offline?.until ?? 0) - Date.now()) / 1000);
    text(count, left > 0 ? `, trying again in ${left} s` : ", trying again…");
  };
  model.watch(["connection"], () => {
    const { offline, notice } = model;
    clearInterval(timer);
    attribute(element, "data-kind", offline ? "offline" : notice ? "notice" : undefined);
    text(words, offline ? "No connection" : (notice ?? ""));
    text(count, "");
    dismiss.hidden = !!offline || !notice;
    if (!offline) return;
    tick();
    timer = setInterval(tick, 1000);
  });
  return element;
}
