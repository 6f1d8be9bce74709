import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { Engine } from "../dist/raw.js";
import { tcpHost } from "../dist/tcp.js";
import { FakeHost, FakeRaw, tick } from "./fake.mjs";

function engine(host = new FakeHost()) {
  const raw = new FakeRaw();
  const broken = [];
  const heard = [];
  const run = new Engine(raw.create, host, (event) => heard.push(event), (why) => broken.push(why));
  return { raw, host, run, broken, heard };
}

test("dials, sends and closes as it is told", () => {
  const { raw, host, run } = engine();
  raw.platform.dial(4);
  const [link] = host.links;
  link.on.opened();
  raw.platform.send(4, Uint8Array.of(1, 2));
  link.on.bytes(Uint8Array.of(9));
  raw.platform.close(4, 1000);
  assert.deepEqual(link.sent, [[1, 2]]);
  assert.ok(link.closed);
  link.on.closed();
  link.on.bytes(Uint8Array.of(8));
  assert.deepEqual(raw.calls, [["opened", 4], ["bytes", 4, [9]], ["closed", 4]]);
  run.stop();
});

test("a link that does not close in time is dropped", async () => {
  const { raw, run } = engine();
  raw.platform.dial(1);
  raw.platform.close(1, 10);
  await tick(40);
  assert.deepEqual(raw.calls, [["closed", 1]]);
  run.stop();
});

test("a client that has ended is stopped and freed, after its last events", async () => {
  const { raw, run, broken, heard } = engine();
  raw.say({ event: "done", id: 1 });
  raw.end();
  await tick();
  assert.deepEqual(heard, [{ event: "done", id: 1 }]);
  assert.ok(run.stopped);
  assert.ok(raw.freed);
  assert.deepEqual(broken, [undefined]);
});

test("stopped by the app, it is freed and reports no end", async () => {
  const { raw, run, broken, host } = engine();
  raw.platform.dial(1);
  run.stop();
  assert.ok(host.links[0].closed);
  await tick();
  assert.ok(raw.freed);
  assert.deepEqual(broken, []);
});

test("a lost link is reported once", () => {
  const { raw, host } = engine();
  raw.platform.dial(1);
  host.links[0].on.closed();
  host.links[0].on.closed();
  assert.deepEqual(raw.calls, [["closed", 1]]);
});

test("a dial that throws is a link that closed", async () => {
  const { raw } = engine({ dial: () => { throw new Error("refused"); } });
  raw.platform.dial(1);
  await tick(5);
  assert.deepEqual(raw.calls, [["closed", 1]]);
});

test("a module that does not keep up loses the link, not a piece of its stream", () => {
  const { raw, host } = engine();
  raw.platform.dial(1);
  raw.kept = false;
  host.links[0].on.bytes(Uint8Array.of(1));
  host.links[0].on.bytes(Uint8Array.of(2));
  assert.ok(host.links[0].closed);
  assert.deepEqual(raw.calls, [["bytes", 1, [1]], ["closed", 1]]);
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
  assert.deepEqual(raw.calls, [["wake"]]);
  assert.equal(watching, false);
});

test("a module that broke is stopped, and why is told", () => {
  const { raw, run, broken } = engine();
  raw.platform.failed("panicked");
  raw.platform.failed("panicked");
  assert.deepEqual(broken, ["panicked"]);
  assert.ok(run.stopped);
});

test("bytes go both ways over TCP", async () => {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { raw, run } = engine(tcpHost(`ws://127.0.0.1:${server.address().port}/ws`));
  raw.platform.dial(1);
  await tick(50);
  raw.platform.send(1, Uint8Array.of(7, 8));
  await tick(50);
  run.stop();
  server.close();
  const names = raw.calls.map((call) => call[0]).sort();
  assert.deepEqual(names, ["bytes", "opened", "sent"]);
});
