import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { Engine } from "../dist/raw.js";
import { tcpHost } from "../dist/tcp.js";
import { FakeHost, FakeRaw, tick } from "./fake.mjs";

function engine(host = new FakeHost()) {
  const raw = new FakeRaw();
  const broken = [];
  const run = new Engine(raw, host, () => {}, (cause) => broken.push(cause));
  return { raw, host, run, broken, nudge: () => run.act(() => {}) };
}

test("dials, sends and closes as it is told", () => {
  const { raw, host, nudge, run } = engine();
  raw.outputs.push({ type: "dial", link: 4, node: 1 });
  nudge();
  const [link] = host.links;
  assert.equal(link.node, 1);
  link.on.opened();
  raw.outputs.push({ type: "send", link: 4, data: Uint8Array.of(1, 2) }, { type: "close", link: 4 });
  link.on.bytes(Uint8Array.of(9));
  assert.deepEqual(link.sent, [[1, 2]]);
  assert.ok(link.closed);
  link.on.bytes(Uint8Array.of(8));
  link.on.closed();
  assert.deepEqual(raw.calls, [["opened", 4], ["bytes", 4, [9]], ["closed", 4]]);
  run.stop();
});

test("a link that does not close in time is dropped", async () => {
  const { raw, nudge, run } = engine();
  raw.outputs.push({ type: "dial", link: 1 }, { type: "close", link: 1, flush_ms: 10 });
  nudge();
  await tick(40);
  assert.deepEqual(raw.calls, [["closed", 1]]);
  run.stop();
});

test("a client that has ended is stopped, after its last events", () => {
  const { raw, run, broken, nudge } = engine();
  raw.outputs.push({ type: "ended" });
  raw.say({ event: "done", id: 1 });
  nudge();
  assert.ok(run.stopped);
  assert.ok(raw.freed);
  assert.deepEqual(broken, [undefined]);
  assert.deepEqual(raw.queue, []);
});

test("a lost link is reported once", () => {
  const { raw, host, nudge } = engine();
  raw.outputs.push({ type: "dial", link: 1 });
  nudge();
  host.links[0].on.closed();
  host.links[0].on.closed();
  assert.deepEqual(raw.calls, [["closed", 1]]);
});

test("a dial that throws is a link that closed", async () => {
  const { raw, nudge } = engine({ dial: () => { throw new Error("refused"); } });
  raw.outputs.push({ type: "dial", link: 1 });
  nudge();
  await tick(5);
  assert.deepEqual(raw.calls, [["closed", 1]]);
});

test("the timer fires at the deadline, and not after stop", async () => {
  const { raw, nudge, run } = engine();
  raw.due = performance.now() + 20;
  nudge();
  await tick(60);
  assert.equal(raw.calls.length, 1);
  assert.equal(raw.calls[0][0], "timeout");
  raw.due = performance.now() + 20;
  nudge();
  run.stop();
  await tick(60);
  assert.equal(raw.calls.length, 1);
});

test("a network that comes back is passed on until stop", () => {
  let again;
  let watching = true;
  const host = new FakeHost();
  host.watch = (f) => ((again = f), () => (watching = false));
  const { raw, run } = engine(host);
  again();
  run.stop();
  again();
  assert.deepEqual(raw.calls, [["online"]]);
  assert.equal(watching, false);
});

test("a throw inside the module stops the engine", () => {
  const { raw, run, broken } = engine();
  raw.poll_output = () => { throw new Error("unreachable"); };
  run.act(() => {});
  assert.equal(broken.length, 1);
  assert.ok(run.stopped);
  assert.ok(raw.freed);
});

test("bytes go both ways over TCP", async () => {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const host = tcpHost(`ws://127.0.0.1:${server.address().port}/ws`);
  const { raw, nudge, run } = engine(host);
  raw.outputs.push({ type: "dial", link: 1 });
  nudge();
  await tick(50);
  raw.outputs.push({ type: "send", link: 1, data: Uint8Array.of(7, 8) });
  nudge();
  await tick(50);
  run.stop();
  server.close();
  const names = raw.calls.map((call) => call[0]).sort();
  assert.deepEqual(names, ["bytes", "opened", "sent"]);
});
