// A scripted RawClient: it records what it was told, and says what the test tells it to say.
export class FakeRaw {
  calls = [];
  outputs = [];
  queue = [];
  due = undefined;
  freed = false;
  nextId = 1;

  say(...events) {
    this.queue.push(...events);
  }
  poll_output() {
    return this.outputs.shift();
  }
  events() {
    return JSON.stringify(this.queue.splice(0));
  }
  deadline() {
    return this.due;
  }
  free() {
    this.freed = true;
  }
  timeout(now) {
    this.due = undefined;
    this.calls.push(["timeout", now]);
  }
  bytes(link, data) {
    this.calls.push(["bytes", link, [...data]]);
  }
}

for (const name of ["opened", "sent", "closed", "online"]) {
  FakeRaw.prototype[name] = function (...args) {
    this.calls.push([name, ...args.slice(0, -1)]);
  };
}

const COMMANDS = [
  ...["send", "typing", "status", "message", "name", "add", "accept", "decline", "remove"],
  ...["contacts", "history", "sync", "sign_out"],
];
for (const name of COMMANDS) {
  FakeRaw.prototype[name] = function (...args) {
    const id = this.nextId++;
    this.calls.push([name, ...args.slice(0, -1)]);
    this.onCommand?.(name, id);
    return id;
  };
}

/** A host whose links are in the test's hands. */
export class FakeHost {
  links = [];
  dial(node, on) {
    const link = { node, on, sent: [], closed: false };
    this.links.push(link);
    return {
      send: (data) => link.sent.push([...data]),
      close: () => (link.closed = true),
    };
  }
}

export const tick = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));
