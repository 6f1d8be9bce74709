// What an app does, type-checked strictly: two people sign in, see each other, and talk.
import { connect, PresentlyError, type EventOf } from "presently";

export async function talk(url: string): Promise<string> {
  await connect({ url, user: "alice", password: "wrong" }).then(
    () => Promise.reject(new Error("signed in with a wrong password")),
    (error: unknown) => {
      if (!(error instanceof PresentlyError)) throw error;
      if (error.code !== "wrong_credentials") throw error;
    },
  );
  const alice = await connect({ url, user: "alice", password: "alice" });
  const bob = await connect({ url, user: "bob", password: "bob", status: "busy" });
  const words = `hi, bob 👋 ${Date.now()}`;
  // What was said before and not yet shown on any device of bob's comes too.
  const heard = new Promise<EventOf<"message">>((resolve) =>
    bob.on("message", (message) => void (message.text === words && resolve(message))),
  );
  const seen = (async () => {
    for await (const event of alice.events()) {
      if (event.event === "presence" && event.user === "bob" && event.status === "away") return;
    }
  })();

  const { seq, at } = await alice.send("bob", words);
  const message = await heard;
  check(message.text === words && message.from === "alice" && message.with === "alice", "message");
  check(message.seq === seq && message.at === at, "the same place and time on both sides");
  await bob.setStatus("away");
  await seen;
  const { list } = await bob.history("alice", { limit: 1 });
  check(list[0]?.text === words, "history");
  const contacts = await alice.contacts();
  check(contacts.list.some(({ user, state }) => user === "bob" && state === "friend"), "contacts");

  await alice.signOut();
  await bob.shutdown();
  check(alice.ended && bob.ended, "ended");
  return "talked";
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`not as expected: ${what}`);
}
