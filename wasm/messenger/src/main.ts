/** The page begins here: sign in, then the messenger, then sign in again. */
import { forgetLayers } from "./layers.js";
import { messenger } from "./messenger.js";
import { restoreScene } from "./scenes.js";
import type { Session } from "./session.js";
import { signIn } from "./signin.js";

restoreScene();
const demo = await isDemo();
askWho();

function askWho(why = ""): void {
  document.title = "Presently";
  document.body.replaceChildren(signIn(demo, begin, why));
}

function begin(session: Session): void {
  const over = new AbortController();
  const leave = (why?: string): void => {
    over.abort();
    forgetLayers();
    delete document.body.dataset["talking"];
    document.querySelector("dialog")?.remove();
    askWho(why);
  };
  const signOut = (): void => {
    leave();
    // Whether the server heard of it or not, this page is signed out.
    session.signOut().catch(() => {});
  };
  session.over = leave;
  document.body.replaceChildren(messenger(session, signOut, over.signal));
  document.querySelector<HTMLElement>("main")?.focus();
}

/** A server in demo mode says so; one that does not answer is not. */
async function isDemo(): Promise<boolean> {
  try {
    const response = await fetch("/config.json");
    const config = (await response.json()) as { demo?: boolean };
    return config.demo === true;
  } catch {
    return false;
  }
}
