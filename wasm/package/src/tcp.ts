/** Links over TCP, for node. */
import { connect } from "node:net";
import type { Host } from "./raw.js";
import { PresentlyError } from "./types.js";

const DEFAULT_PORT = 1863;

/** Links over TCP to the host and port of `url`; the server tells by the first bytes. */
export function tcpHost(url: string): Host {
  const { protocol, hostname, port } = parse(url);
  if (!["ws:", "http:", "tcp:"].includes(protocol)) {
    throw new PresentlyError("bad_url", `cannot connect to ${protocol} yet: use ws: or tcp:`);
  }
  const target = {
    // An IPv6 address stands in brackets only inside a URL.
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port) || (protocol === "tcp:" ? DEFAULT_PORT : 80),
    noDelay: true,
  };
  return {
    dial(on) {
      const socket = connect(target);
      socket.on("connect", () => on.opened());
      socket.on("data", (data) => on.bytes(data));
      socket.on("error", () => {}); // "close" follows
      socket.on("close", () => on.closed());
      return {
        send: (data) => void socket.write(data, (error) => error || on.sent(data.length)),
        close: () => void socket.destroySoon(),
      };
    },
  };
}

function parse(url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw new PresentlyError("bad_url", `not an address: ${url}`);
  }
}
