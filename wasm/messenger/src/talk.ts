/** The order of a conversation: by the server's sequence, then what still waits. */
import type { HistoryItem } from "presently";
import type { Line, Talk } from "./model.js";

const place = (line: Line): number => line.seq ?? Number.MAX_SAFE_INTEGER;

/** Puts stored messages in, each once, wherever they came from. */
export function merge(talk: Talk, items: readonly HistoryItem[]): void {
  const known = new Set(talk.lines.map((line) => line.seq));
  for (const { from, seq, text, at } of items) {
    if (known.has(seq)) continue;
    talk.lines.push({ key: `s${seq}`, from, seq, text, at, state: "stored" });
  }
  sort(talk);
}

/** Takes in the newest page of history; what lies before a gap is dropped, to be read again. */
export function refresh(talk: Talk, items: readonly HistoryItem[], more: boolean): void {
  const first = items[0]?.seq ?? 0;
  const before = talk.lines.filter((line) => line.seq !== undefined && line.seq < first);
  const last = before.at(-1)?.seq;
  const gap = last !== undefined && last + 1 < first;
  if (gap) talk.lines = talk.lines.filter((line) => !before.includes(line));
  if (gap || !before.length) talk.more = more;
  merge(talk, items);
}

/** A message of ours was stored; it may have come back by another way already. */
export function stored(talk: Talk, line: Line, seq: number, at: number): void {
  talk.lines = talk.lines.filter((other) => other === line || other.seq !== seq);
  Object.assign(line, { seq, at, state: "stored" });
  sort(talk);
}

function sort(talk: Talk): void {
  talk.lines.sort((a, b) => place(a) - place(b));
}
