// A scripted RawClient: it records what it was told, and says what the test tells it to say.
export class FakeRaw {
  calls = [];
  queue = [];
  freed = false;
  ended = false;
  kept = true;
  nextId = 1;

  /** What `Presently.start` and `Engine` are given. */
  create = (platform) => {
    this.platform = platform;
    return this;
  };
  say(...events) {
    this.queue.push(...events);
    this.heard?.();
  }
  end() {
    this.ended = true;
    this.heard?.();
  }
  async next_batch(max) {
    while (!this.queue.length && !this.ended) await new Promise((f) => (this.heard = f));
    return JSON.stringify(this.queue.splice(0, max));
  }
  async shutdown() {
    this.end();
  }
  free() {
    this.freed = true;
  }
  wake() {
    this.calls.push(["wake"]);
  }
  bytes(link, data) {
    this.calls.push(["bytes", link, [...data]]);
    return this.kept;
  }
}

for (const name of ["opened", "sent", "closed"]) {
  FakeRaw.prototype[name] = function (...args) {
    this.calls.push([name, ...args]);
    return true;
  };
}

const COMMANDS = [
  ...["send", "typing", "status", "message", "name", "add", "accept", "decline", "remove"],
  ...["contacts", "history", "sync", "sign_out"],
];
for (const name of COMMANDS) {
  FakeRaw.prototype[name] = function (...args) {
    const id = this.nextId++;
    this.calls.push([name, ...args]);
    this.onCommand?.(name, id);
    return id;
  };
}

/** A host whose links are in the test's hands. */
export class FakeHost {
  links = [];
  dial(on) {
    const link = { on, sent: [], closed: false };
    this.links.push(link);
    return {
      send: (data) => link.sent.push([...data]),
      close: () => (link.closed = true),
    };
  }
}

export const tick = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));
