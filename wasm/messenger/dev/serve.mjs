// Serves the page with scripted people, under the policy the server sends.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { buildPage } from "../build.mjs";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

export async function serve(port = 0) {
  const root = await buildPage(true);
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/config.json") return void response.end('{"demo":true}');
    const name = pathname === "/" ? "index.html" : pathname.slice(1);
    try {
      const body = await readFile(root + name.replaceAll("..", ""));
      const type = `${TYPES[extname(name)] ?? "application/octet-stream"}; charset=utf-8`;
      response.writeHead(200, { "content-type": type, "content-security-policy": POLICY });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log((await serve(Number(process.argv[2]) || 5180)).url);
}
