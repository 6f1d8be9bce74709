/** Links over WebSocket: each binary message is a piece of the byte stream. */
import type { Host } from "./raw.js";

/** Above this the browser is behind, and what is sent counts as sent only when it has gone. */
const BEHIND = 64 * 1024;
const LOOK_AGAIN_MS = 50;

/** Dials `url`, and tries again when the browser says that the network is back. */
export function websocketHost(url: string): Host {
  const address = url.replace(/^http/, "ws");
  return {
    dial(on) {
      const socket = new WebSocket(address);
      let unsent = 0;
      const settle = (): void => {
        if (!unsent || socket.readyState !== WebSocket.OPEN) return;
        if (socket.bufferedAmount > BEHIND) return void setTimeout(settle, LOOK_AGAIN_MS);
        const n = unsent;
        unsent = 0;
        on.sent(n);
      };
      socket.binaryType = "arraybuffer";
      socket.onopen = () => on.opened();
      socket.onmessage = (message) => on.bytes(new Uint8Array(message.data as ArrayBuffer));
      socket.onclose = () => on.closed();
      return {
        send(data) {
          if (socket.readyState !== WebSocket.OPEN) return;
          socket.send(data as Uint8Array<ArrayBuffer>);
          if (!unsent) queueMicrotask(settle);
          unsent += data.length;
        },
        close: () => socket.close(),
      };
    },
    watch(again) {
      const shown = (): void => void (document.visibilityState === "visible" && again());
      globalThis.addEventListener?.("online", again);
      globalThis.document?.addEventListener("visibilitychange", shown);
      return () => {
        globalThis.removeEventListener?.("online", again);
        globalThis.document?.removeEventListener("visibilitychange", shown);
      };
    },
  };
}
