/** A person: a picture in a frame, where the frame is the status. */
import { attribute, drawing, h } from "./dom.js";
import { picture } from "./pictures.js";
import { look, type AnyStatus, type Look } from "./words.js";

/** Colour is never alone: filled, clock, bar, hollow. */
const SHAPES: Record<Look, string> = {
  online: '<circle cx="8" cy="8" r="5"/>',
  away: '<circle cx="8" cy="8" r="5"/><path class="cut" d="M8 5v3.200L10 9.500"/>',
  busy: '<circle cx="8" cy="8" r="5"/><path class="cut" d="M5.500 8h5"/>',
  offline: '<circle class="hollow" cx="8" cy="8" r="4.600"/>',
};

export type Size = "small" | "middle" | "large";

/** Only for the eye: beside it, the status stands in words. */
export class Frame {
  readonly element: HTMLElement;
  #look: Look | undefined;

  constructor(user: string, size: Size, status: AnyStatus) {
    this.element = h("span", { class: `frame ${size}`, "aria-hidden": "true" }, picture(user));
    this.status = status;
  }

  set status(status: AnyStatus) {
    const now = look(status);
    if (now === this.#look) return;
    this.#look = now;
    attribute(this.element, "data-look", now);
    this.element.querySelector(".shape")?.remove();
    this.element.append(shape(now));
  }
}

/** The small sign of a status. */
export const shape = (of: Look): SVGElement => drawing("0 0 16 16", SHAPES[of], "shape");
