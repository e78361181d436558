import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, test } from "node:test";
import { browser } from "./server";

/** As much of Engine.IO 4 and Socket.IO 5 as one client needs, over a real WebSocket. */
interface Peer {
  send: (text: string) => void;
  close: () => void;
}

const { WebSocketServer } = createRequire(`${process.env["SOCIALFLOW_WEB"]}/package.json`)("ws");
const http = createServer();
const sockets = new WebSocketServer({ server: http });
const auths: unknown[] = [];
const events: [string, unknown][] = [];
const peers: Peer[] = [];
/** What the next handshakes are answered: the code of a refusal, or nothing. */
const refusals: string[] = [];
let acknowledge: ((event: string, body: unknown) => unknown) | null = null;

sockets.on("connection", (peer: Peer & { on: (event: string, heard: (data: Buffer) => void) => void }) => {
  peer.send('0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}');
  peer.on("message", (data) => {
    const text = data.toString();
    if (text.startsWith("40")) {
      auths.push(JSON.parse(text.slice(2) || "{}"));
      const code = refusals.shift();
      if (code) return peer.send(`44${JSON.stringify({ message: "No", data: { code } })}`);
      peers.push(peer);
      return peer.send('40{"sid":"s"}');
    }
    const found = /^42(\d*)(\[.*)$/.exec(text);
    if (!found) return;
    const [event, body] = JSON.parse(found[2] ?? "[]") as [string, unknown];
    events.push([event, body]);
    if (found[1] && acknowledge) peer.send(`43${found[1]}${JSON.stringify([acknowledge(event, body)])}`);
  });
});

browser();
let realtime: typeof import("@web/realtime/socket");

before(async () => {
  await new Promise<void>((done) => http.listen(0, "127.0.0.1", done));
  const { port } = http.address() as AddressInfo;
  const location = { protocol: "http:", hostname: "127.0.0.1", host: `127.0.0.1:${port}`, port: String(port), hash: "", search: "" };
  Object.defineProperty(globalThis, "location", { value: location, configurable: true });
  realtime = await import("@web/realtime/socket");
});
after(() => {
  for (const peer of sockets.clients) peer.terminate();
  http.close();
  setTimeout(() => process.exit(), 50).unref();
});
afterEach(() => (acknowledge = null));

/** Within five seconds, or the test fails. */
async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds() && tries < 1000; tries++) await new Promise((done) => setTimeout(done, 5));
  ok(holds());
}

const connected = (): Promise<void> =>
  new Promise((done) => {
    const stop = realtime.onConnect(() => (queueMicrotask(() => stop()), done()));
  });

test("nothing is asked without a connection, and that is said", async () => {
  await rejects(realtime.ask("chat:leave", { room_id: "r" }), { code: "offline", isUnanswered: true });
  realtime.tell("chat:leave", { room_id: "r" });
  equal(realtime.connection.value, "idle");
});

test("a guest connects without a token, and what hangs on a connection runs once it is there", async () => {
  realtime.connect();
  equal(realtime.connection.value, "connecting");
  await connected();
  deepEqual([auths, realtime.connection.value], [[{}], "online"]);
});

test("an answer is the server's, a refusal an error with its code and wait", async () => {
  acknowledge = (_, body) => ((body as { room_id: string }).room_id === "open" ? { ok: true } : { ok: false, error: { code: "slow_mode", message: "Wait.", retry_after_ms: 900 } });
  deepEqual(await realtime.ask("chat:leave", { room_id: "open" }), { ok: true });
  await rejects(realtime.ask("chat:leave", { room_id: "shut" }), { code: "slow_mode", message: "Wait.", retryAfterMs: 900, isUnanswered: false });
});

test("an answer that does not come in time is one that nobody knows of", async () => {
  await rejects(realtime.ask("chat:leave", { room_id: "r" }, 30), { code: "timeout", isUnanswered: true });
});

test("events reach those who hear them until they stop", async () => {
  const heard: unknown[] = [];
  const both: unknown[] = [];
  const stop = realtime.hear("stream:viewers", (body) => heard.push(body));
  realtime.hear("stream:viewers", (body) => both.push(body));
  const sent = async (viewers: number): Promise<void> => {
    peers.at(-1)?.send(`42${JSON.stringify(["stream:viewers", { stream_id: "s", viewers }])}`);
    await until(() => (both.at(-1) as { viewers?: number })?.viewers === viewers);
  };
  await sent(1);
  stop();
  await sent(2);
  deepEqual([heard.length, both.length], [1, 2]);
});

test("a lost connection comes back by itself, and what must be told again is", async () => {
  let connects = 0;
  const stop = realtime.onConnect(() => (connects += 1));
  equal(connects, 1); // at once, since it is connected
  peers.at(-1)?.close();
  await until(() => connects === 2);
  equal(realtime.connection.value, "online");
  stop();
});

test("a handshake that is refused is tried again", async () => {
  refusals.push("too_many_guests");
  const before = auths.length;
  peers.at(-1)?.close();
  await until(() => auths.length > before);
  await until(() => realtime.connection.value === "online");
  deepEqual([auths.length - before, realtime.connection.value], [2, "online"]);
});
