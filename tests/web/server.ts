/** A server on loopback for the tests of what fetches, and what a browser has around it. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: unknown;
}

export interface Answered {
  status?: number;
  headers?: Record<string, string>;
  /** A text is sent as it is; null never answers. */
  body?: unknown;
}

/** `answer` is asked for each request; relative addresses of `fetch` go to this server. */
export async function serve(answer: (asked: Asked) => Answered | Promise<Answered>) {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const text = Buffer.concat(chunks).toString();
      const one = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body: text ? JSON.parse(text) : undefined };
      asked.push(one);
      const { status = 200, headers = {}, body } = await answer(one);
      if (body === null) return;
      response.writeHead(status, headers);
      response.end(typeof body === "string" ? body : body === undefined ? "" : JSON.stringify(body));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const real = globalThis.fetch;
  globalThis.fetch = (input, init) => real(new URL(String(input), base), init);
  const close = (): void => {
    globalThis.fetch = real;
    server.closeAllConnections();
    server.close();
  };
  return { asked, close };
}

/** What a tab has: storage that others share, no Web Locks (an insecure origin), no channel. */
export function browser(storage = new Map<string, string>()): Map<string, string> {
  const localStorage = {
    getItem: (key: string) => storage.get(key) ?? null,
    setItem: (key: string, value: string) => void storage.set(key, value),
    removeItem: (key: string) => void storage.delete(key),
  };
  const given = { localStorage, navigator: { languages: ["en"] }, addEventListener: () => undefined, location: { hash: "", search: "" } };
  for (const [name, value] of Object.entries(given)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  Reflect.deleteProperty(globalThis, "BroadcastChannel");
  return storage;
}
