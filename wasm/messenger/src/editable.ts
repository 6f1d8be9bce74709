/** A text edited in place: click, type, Enter; Escape undoes. */
import { attribute, h, text } from "./dom.js";
import { closed, opened } from "./layers.js";

interface Options {
  /** What it is, for screen readers. */
  label: string;
  /** What stands there while it is empty. */
  invitation: string;
  limit: number;
  save: (value: string) => void;
}

export class Editable {
  readonly element: HTMLElement;
  readonly #button: HTMLButtonElement;
  readonly #input: HTMLInputElement;
  readonly #options: Options;
  #value = "";

  constructor(className: string, options: Options) {
    this.#options = options;
    this.#button = h("button", { type: "button", dir: "auto", onclick: () => this.#edit() });
    this.#input = h("input", {
      ...{ type: "text", hidden: true, dir: "auto", autocomplete: "off" },
      ...{ "aria-label": options.label, maxlength: options.limit },
      placeholder: options.invitation,
      onblur: () => this.#end(true),
      onkeydown: (event: KeyboardEvent) => {
        if (event.key !== "Enter" || event.isComposing) return;
        this.#end(true);
        this.#button.focus();
      },
    });
    this.element = h("div", { class: `editable ${className}` }, this.#button, this.#input);
  }

  show(value: string): void {
    this.#value = value;
    text(this.#button, value || this.#options.invitation);
    attribute(this.#button, "data-empty", !value);
    attribute(this.#button, "aria-label", `${this.#options.label}: ${value || this.#options.invitation}. Edit`);
  }

  #edit(): void {
    this.#input.value = this.#value;
    this.#input.hidden = false;
    this.#button.hidden = true;
    this.#input.focus();
    this.#input.select();
    opened(this, () => {
      this.#end(false);
      this.#button.focus();
    });
  }

  #end(save: boolean): void {
    if (this.#input.hidden) return;
    closed(this);
    const value = this.#input.value.trim();
    this.#button.hidden = false;
    this.#input.hidden = true;
    if (!save || value === this.#value) return;
    this.show(value);
    this.#options.save(value);
  }
}
