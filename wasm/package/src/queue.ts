/** A bounded queue between what happens and a reader that takes its time. */
import type { PresentlyEvent } from "./types.js";

/** What a reader may leave unread before the oldest is dropped. */
const LIMIT = 1024;

/** Drops the oldest when full, and says how many with one `lagged` event. */
export class EventQueue {
  readonly #items: PresentlyEvent[] = [];
  #missed = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  push(event: PresentlyEvent): void {
    if (this.#ended) return;
    if (this.#items.length === LIMIT) {
      this.#items.shift();
      this.#missed += 1;
    }
    this.#items.push(event);
    this.#wake?.();
  }

  /** What is queued can still be read; then it is over. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** The next event, or `undefined` when it is over. One reader at a time. */
  async next(): Promise<PresentlyEvent | undefined> {
    while (!this.#items.length && !this.#ended) {
      await new Promise<void>((wake) => (this.#wake = wake));
    }
    if (this.#missed) {
      const missed = this.#missed;
      this.#missed = 0;
      return { event: "lagged", missed };
    }
    return this.#items.shift();
  }
}
