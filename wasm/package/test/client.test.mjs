import assert from "node:assert/strict";
import { test } from "node:test";
import { Presently } from "../dist/client.js";
import { PresentlyError } from "../dist/types.js";
import { FakeHost, FakeRaw, tick } from "./fake.mjs";

async function signedIn() {
  const raw = new FakeRaw();
  const host = new FakeHost();
  raw.say({ event: "signed_in", user: "alice", endpoint: "e1" });
  const me = await Presently.start(raw.create, host);
  await tick();
  return { raw, host, me };
}


test("signs in, and knows who it is", async () => {
  const { me, raw } = await signedIn();
  assert.equal(me.user, "alice");
  await me.shutdown();
  await tick();
  assert.ok(raw.freed);
});

test("who listens right after connecting misses nothing", async () => {
  const raw = new FakeRaw();
  raw.say(
    { event: "presence", user: "alice", status: "busy", name: "", message: "" },
    { event: "signed_in", user: "alice", endpoint: "e1" },
    { event: "message", from: "bob", conversation: "c", with: "bob", seq: 1, text: "hi", at: 1 },
  );
  const me = await Presently.start(raw.create, new FakeHost(), { status: "busy" });
  const heard = [];
  me.on("presence", (e) => heard.push(e.status));
  me.on("signed_in", (e) => heard.push(e.user));
  me.on("message", (e) => heard.push(e.text));
  await tick();
  assert.deepEqual(heard, ["busy", "alice", "hi"]);
  assert.deepEqual(raw.calls, [["status", "busy"]], "told before anything else");
  await me.shutdown();
});

test("a wrong password rejects with the server's code", async () => {
  const raw = new FakeRaw();
  raw.say({ event: "error", code: "wrong_password", text: "wrong name or password" });
  await assert.rejects(Presently.start(raw.create, new FakeHost()), (error) => {
    assert.ok(error instanceof PresentlyError);
    assert.equal(error.code, "wrong_password");
    assert.equal(error.message, "wrong name or password");
    return true;
  });
  assert.ok(raw.freed, "nothing goes on behind a refused sign-in");
});

test("an unreachable server rejects with offline and when to try again", async () => {
  const raw = new FakeRaw();
  raw.say({ event: "offline", reason: "refused", retry_ms: 4000 });
  await assert.rejects(Presently.start(raw.create, new FakeHost()), { code: "offline", retryMs: 4000 });
});

test("a signal ends signing in", async () => {
  const raw = new FakeRaw();
  const abort = new AbortController();
  const starting = Presently.start(raw.create, new FakeHost(), { signal: abort.signal });
  abort.abort(new Error("enough"));
  await assert.rejects(starting, /enough/);
  assert.ok(raw.freed);
});

test("answers find their commands, in any order", async () => {
  const { me, raw } = await signedIn();
  const first = me.send("bob", "one");
  const second = me.send("bob", "two");
  const list = me.contacts();
  raw.say(
    { event: "contacts", id: 3, revision: 7, list: [] },
    { event: "acked", id: 2, seq: 11, at: 2000 },
    { event: "acked", id: 1, seq: 10, at: 1000 },
  );
  await tick();
  assert.deepEqual(await first, { seq: 10, at: 1000 });
  assert.deepEqual(await second, { seq: 11, at: 2000 });
  assert.deepEqual(await list, { revision: 7, list: [] });
  await me.shutdown();
});

test("an answer that comes at once is not lost", async () => {
  const { me, raw } = await signedIn();
  raw.onCommand = (_, id) => raw.say({ event: "error", id, code: "too_long", text: "8 KiB at most" });
  await assert.rejects(me.send("bob", "x".repeat(9000)), { code: "too_long" });
  await me.shutdown();
});

test("every command reaches the module with its arguments", async () => {
  const { me, raw } = await signedIn();
  raw.onCommand = (name, id) =>
    raw.say(name === "history" ? { event: "history", id, list: [], more: false } : { event: "done", id });
  await me.setStatus("away");
  await me.setMessage("back soon");
  await me.setName("Alice");
  await me.add("bob", "it is me");
  await me.accept("bob");
  await me.decline("carol");
  await me.remove("carol");
  await me.history("bob", { before: 12, limit: 5 });
  await me.history("bob");
  await me.sync();
  assert.deepEqual(raw.calls, [
    ["status", "away"],
    ["message", "back soon"],
    ["name", "Alice"],
    ["add", "bob", "it is me"],
    ["accept", "bob"],
    ["decline", "carol"],
    ["remove", "carol"],
    ["history", "bob", 12, 5],
    ["history", "bob", undefined, undefined],
    ["sync"],
  ]);
  await me.shutdown();
});

test("listeners hear their kind until they are off or aborted", async () => {
  const { me, raw } = await signedIn();
  const heard = [];
  const abort = new AbortController();
  const off = me.on("typing", (e) => heard.push(`off ${e.user}`));
  me.on("typing", (e) => heard.push(`signal ${e.user}`), { signal: abort.signal });
  me.on("message", () => heard.push("message"));
  raw.say({ event: "typing", user: "bob" });
  await tick();
  off();
  abort.abort();
  raw.say({ event: "typing", user: "carol" });
  await tick();
  assert.deepEqual(heard, ["off bob", "signal bob"]);
  await me.shutdown();
});

test("a listener may send, and its message's answer arrives", async () => {
  const { me, raw } = await signedIn();
  raw.onCommand = (name, id) => name === "send" && raw.say({ event: "acked", id, seq: 1, at: 5 });
  const answered = new Promise((resolve) =>
    me.on("message", (e) => me.send(e.from, "yes").then(resolve)),
  );
  raw.say({ event: "message", from: "bob", conversation: "c", with: "bob", seq: 0, text: "there?", at: 1 });
  await tick();
  assert.deepEqual(await answered, { seq: 1, at: 5 });
  await me.shutdown();
});

test("iteration gives every event in order and ends with shutdown", async () => {
  const { me, raw } = await signedIn();
  const seen = [];
  const reading = (async () => {
    for await (const event of me.events()) seen.push(event.event);
  })();
  raw.say({ event: "typing", user: "bob" }, { event: "offline", reason: "cut", retry_ms: 1 });
  await tick();
  await tick();
  await me.shutdown();
  await reading;
  assert.deepEqual(seen, ["typing", "offline"]);
});

test("a slow reader is told how much it missed", async () => {
  const { me, raw } = await signedIn();
  const events = me.events();
  for (let n = 0; n < 1030; n++) raw.say({ event: "typing", user: `u${n}` });
  await tick();
  assert.deepEqual((await events.next()).value, { event: "lagged", missed: 6 });
  assert.deepEqual((await events.next()).value, { event: "typing", user: "u6" });
  await events.return();
  await me.shutdown();
});

test("a signal ends an iteration that waits", async () => {
  const { me } = await signedIn();
  const abort = new AbortController();
  const next = me.events({ signal: abort.signal }).next();
  await tick();
  abort.abort();
  assert.equal((await next).done, true);
  await me.shutdown();
});

test("shutdown rejects what waits, and what comes later", async () => {
  const { me } = await signedIn();
  const waiting = me.send("bob", "hi");
  await me.shutdown();
  await assert.rejects(waiting, { code: "closed" });
  await assert.rejects(me.sync(), { code: "closed" });
  me.typing("bob");
  assert.equal((await me.events().next()).done, true);
});

test("sign-out tells the server, then shuts down", async () => {
  const { me, raw } = await signedIn();
  raw.onCommand = (_, id) => raw.say({ event: "done", id });
  await me.signOut();
  assert.deepEqual(raw.calls, [["sign_out"]]);
  assert.ok(raw.freed);
});

test("a panic in the module ends the client with an error", async () => {
  const { raw, me } = await signedIn();
  const codes = [];
  me.on("error", (e) => codes.push(e.code));
  const waiting = me.setStatus("away");
  raw.platform.failed("unreachable");
  await assert.rejects(waiting, { code: "internal" });
  assert.deepEqual(codes, ["internal"]);
  assert.ok(me.ended);
});
