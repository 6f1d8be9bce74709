// The order of a conversation, whatever order its messages come in.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const entry = fileURLToPath(new URL("../src/talk.ts", import.meta.url));
const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: "esm", write: false });
const code = Buffer.from(outputFiles[0].contents).toString("base64");
const { merge, refresh, stored } = await import(`data:text/javascript;base64,${code}`);

const item = (seq, from = "bob") => ({ from, seq, text: `t${seq}`, at: seq });
const items = (first, last) => Array.from({ length: last - first + 1 }, (_, n) => item(first + n));
const waiting = (key) => ({ key, from: "alice", text: key, at: 0, state: "waiting" });
const talk = (...lines) => ({ user: "bob", lines, more: false });
const seqs = ({ lines }) => lines.map((line) => line.seq ?? line.key);

test("each message once, in the server's order, what waits last", () => {
  const it = talk(waiting("p0"));
  merge(it, [item(3), item(1)]);
  merge(it, [item(2), item(3)]);
  assert.deepEqual(seqs(it), [1, 2, 3, "p0"]);
});

test("a stored message takes its place", () => {
  const line = waiting("p0");
  const it = talk(line);
  merge(it, [item(4), item(6)]);
  stored(it, line, 5, 50);
  assert.deepEqual(seqs(it), [4, 5, 6]);
  assert.equal(line.state, "stored");
});

test("a message that came back before its answer is there once", () => {
  const line = waiting("p0");
  const it = talk(line);
  merge(it, [item(1), item(2, "alice")]);
  stored(it, line, 2, 20);
  assert.deepEqual(seqs(it), [1, 2]);
  assert.equal(it.lines[1], line);
});

test("after a cut the newest page joins on to what was there", () => {
  const it = talk();
  merge(it, items(1, 10));
  refresh(it, items(8, 14), true);
  assert.deepEqual(seqs(it), items(1, 14).map(({ seq }) => seq));
  assert.equal(it.more, false, "the beginning is still the beginning");
});

test("what lies before a gap is dropped, to be read again", () => {
  const line = waiting("p0");
  const it = talk(line);
  merge(it, items(1, 10));
  refresh(it, items(20, 25), true);
  assert.deepEqual(seqs(it), [20, 21, 22, 23, 24, 25, "p0"]);
  assert.equal(it.more, true);
});

test("a first page says whether there is more", () => {
  const it = talk();
  refresh(it, items(5, 6), true);
  assert.equal(it.more, true);
  const empty = talk();
  refresh(empty, [], false);
  assert.equal(empty.more, false);
});
