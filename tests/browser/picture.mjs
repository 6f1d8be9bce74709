// Takes README's picture from a real server: PRESENTLY_BIN=... node picture.mjs FILE
import { launch, Person } from "./people.mjs";
import { Server } from "./server.mjs";

const server = new Server();
await server.start();
const browser = await launch();
const [bob, alice, carol] = [
  await Person.signIn(browser, server.url, "bob"),
  await Person.signIn(browser, server.url, "alice"),
  await Person.signIn(browser, server.url, "carol"),
];
await carol.page.locator(".my-message button").click();
await carol.page.keyboard.type("first snow!");
await carol.page.keyboard.press("Enter");
await alice.open("bob");
await bob.open("alice");
await alice.say("bob", "Are you coming to the lake on Sunday?");
await bob.hears("alice", "lake");
await bob.choose("Away");
await bob.say("alice", "If the ice holds! I will bring the good thermos.");
await alice.hears("bob", "thermos");
await alice.open("carol");
await carol.open("alice");
await carol.say("alice", "Look out of the window");
await alice.hears("carol", "window");
await alice.say("carol", "It is snowing!");
await alice.page.waitForTimeout(4_500);
await bob.window("alice").locator("textarea").pressSequentially("and some");
await alice.window("bob").getByText(/is writing/).waitFor();
await alice.page.mouse.move(700, 500);
await alice.page.waitForTimeout(300);
await alice.page.screenshot({ path: process.argv[2] });
await browser.close();
await server.stop();
