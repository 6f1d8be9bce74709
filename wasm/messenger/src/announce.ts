/** Says to screen readers what the eye sees change. */
import { h } from "./dom.js";

const voice = h("div", { class: "unseen", role: "status", "aria-live": "polite" });
const FORGET_MS = 5000;

export function announcer(): HTMLElement {
  return voice;
}

/** Speaks once the reader pauses; several at once are all spoken. */
export function announce(words: string): void {
  const said = h("p", {}, words);
  voice.append(said);
  setTimeout(() => said.remove(), FORGET_MS);
}
