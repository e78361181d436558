import assert from "node:assert/strict";
import { test } from "node:test";
import { ChatMirror, type Outgoing } from "@web/features/chat/room-mirror";
import type { ChatEntry, ChatMessage, RoomState } from "@web/api/types";

const ROOM = "room-1";
const author = { id: "u1", username: "mira", display_name: "Mira", badges: [] };

const message = (offset: number, more: Partial<ChatMessage> = {}): ChatMessage => ({
  id: `m${offset}`,
  offset,
  user: author,
  text: `text ${offset}`,
  sent_at: "2026-01-01T00:00:00Z",
  ...more,
});

const range = (from: number, to: number): ChatMessage[] =>
  Array.from({ length: to - from + 1 }, (_, index) => message(from + index));

const room = (messages: ChatEntry[], offset = messages.at(-1)?.offset ?? 0, epoch = "e1"): RoomState => ({
  room_id: ROOM,
  epoch,
  offset,
  messages,
  mode: null,
  pinned: null,
});

class Refused extends Error {
  constructor(
    readonly code: string,
    readonly wait: number | null = null,
  ) {
    super(code);
  }
}

type Answer = (body: never) => unknown;

/** A mirror whose screen is a list of offsets and whose server is a table of answers. */
function opened(answers: Record<string, Answer> = {}) {
  const shown: number[] = [];
  const inserted: number[] = [];
  const asked: [string, unknown][] = [];
  const waits: number[] = [];
  const restored: number[] = [];
  const cleared: [number, string | null][] = [];
  let outbox: Outgoing[] = [];
  let online = true;
  const mirror = new ChatMirror({
    roomId: ROOM,
    port: {
      ask: async <T>(event: string, body: object): Promise<T> => {
        asked.push([event, body]);
        const answer = answers[event];
        if (!answer) throw new Refused("offline");
        return answer(body as never) as T;
      },
      isUnanswered: (error) => error instanceof Refused && ["offline", "timeout"].includes(error.code),
      retryAfterMs: (error) => (error instanceof Refused ? error.wait : null),
      isOnline: () => online,
    },
    view: {
      onReset: (entries) => shown.splice(0, shown.length, ...entries.map(({ offset }) => offset)),
      onAppend: (entries) => shown.push(...entries.map(({ offset }) => offset)),
      onInsert: (entries) => inserted.push(...entries.map(({ offset }) => offset)),
      onDelete: () => undefined,
      onRestore: ({ offset }) => restored.push(offset),
      onClear: (upTo, userId) => cleared.push([upTo, userId]),
      onOutbox: (now) => (outbox = now),
      onWait: (ms) => waits.push(ms),
    },
  });
  return { mirror, shown, inserted, asked, waits, cleared, restored, outbox: () => outbox, answers, setOnline: (now: boolean) => (online = now) };
}

const batch = (messages: ChatEntry[], epoch = "e1") => ({ room_id: ROOM, epoch, messages });
const settled = (): Promise<void> => new Promise((done) => setImmediate(done));

test("messages that arrive twice are shown once", async () => {
  const { mirror, shown } = opened();
  await mirror.open(room(range(1, 3)));
  mirror.receive(batch(range(2, 5)));
  assert.deepEqual(shown, [1, 2, 3, 4, 5]);
});

test("messages of another room are passed over", async () => {
  const { mirror, shown } = opened();
  await mirror.open(room(range(1, 1)));
  mirror.receive({ room_id: "other", epoch: "e1", messages: range(2, 2) });
  assert.deepEqual(shown, [1]);
});

test("events heard before the room was opened follow what the answer holds", async () => {
  const { mirror, shown } = opened();
  mirror.hold();
  mirror.receive(batch(range(3, 4)));
  await mirror.open(room(range(1, 3)));
  assert.deepEqual(shown, [1, 2, 3, 4]);
});

test("after a reconnect exactly what was missed is fetched, page after page", async () => {
  const pages = [
    { messages: range(3, 5), offset: 200, more: true },
    { messages: range(6, 8), offset: 8, more: false },
  ];
  const { mirror, shown, asked } = opened({ "chat:join": () => ({ epoch: "e1", recovered: true, ...pages.shift() }) });
  await mirror.open(room(range(1, 2)));
  await mirror.open(room(range(100, 150), 200));
  assert.deepEqual(shown, [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(
    asked.map(([, body]) => (body as { since: { offset: number } }).since.offset),
    [2, 5],
  );
});

test("a reconnect whose answer reaches back far enough asks for nothing", async () => {
  const { mirror, shown, asked } = opened();
  await mirror.open(room(range(1, 3)));
  await mirror.open(room(range(2, 6)));
  assert.deepEqual(shown, [1, 2, 3, 4, 5, 6]);
  assert.equal(asked.length, 0);
});

test("another epoch begins the room anew", async () => {
  const { mirror, shown } = opened();
  await mirror.open(room(range(1, 9)));
  await mirror.open(room(range(1, 2), 2, "e2"));
  assert.deepEqual(shown, [1, 2]);
  assert.deepEqual(mirror.position, { epoch: "e2", offset: 2 });
});

test("an announced gap is read from the history, newest page first, and nothing below it", async () => {
  const history = ({ before, limit }: { before: number; limit: number }) => ({ messages: range(before - limit, before - 1) });
  const { mirror, inserted, asked } = opened({ "chat:history": history as Answer });
  await mirror.open(room(range(1, 10)));
  await mirror.fill({ room_id: ROOM, from: 11, to: 130 });
  assert.equal(inserted.length, 120);
  assert.deepEqual([Math.min(...inserted), Math.max(...inserted)], [11, 130]);
  assert.equal(asked.length, 2);
});

test("what was sent leaves the outbox when it is acknowledged", async () => {
  const { mirror, outbox } = opened({ "chat:send": () => ({ id: "m1", offset: 1, epoch: "e1" }) });
  await mirror.open(room([]));
  mirror.send("hello", null);
  assert.equal(outbox().length, 1);
  await settled();
  assert.equal(outbox().length, 0);
});

test("what was sent without a connection is sent again under the same id after the next one", async () => {
  const { mirror, outbox, asked, answers, setOnline } = opened();
  await mirror.open(room([]));
  setOnline(false);
  mirror.send("hello", null);
  await settled();
  assert.equal(outbox()[0]?.state, "sending");
  answers["chat:send"] = () => ({ id: "m1", offset: 1, epoch: "e1" });
  await mirror.open(room([]));
  await settled();
  assert.equal(outbox().length, 0);
  const ids = asked.filter(([event]) => event === "chat:send").map(([, body]) => (body as { client_id: string }).client_id);
  assert.equal(ids.length, 2);
  assert.equal(ids[0], ids[1]);
});

test("a refused message stays with its reason, and the room's patience is told", async () => {
  const { mirror, outbox, waits } = opened({
    "chat:send": () => {
      throw new Refused("rate_limited", 3000);
    },
  });
  await mirror.open(room([]));
  mirror.send("hello", null);
  await settled();
  assert.equal(outbox()[0]?.state, "failed");
  assert.deepEqual(waits, [3000]);
});

test("a message of ours that comes back in the room is no longer on its way", async () => {
  const { mirror, outbox, setOnline } = opened();
  await mirror.open(room([]));
  setOnline(false);
  mirror.send("hello", null);
  const id = outbox()[0]?.client_id ?? "";
  mirror.receive(batch([message(1, { client_id: id })]));
  assert.equal(outbox().length, 0);
});

test("a message that is held stays with its author until a moderator decides", async () => {
  const { mirror, outbox } = opened({ "chat:send": () => ({ ok: true, held: true, id: "h1" }) });
  await mirror.open(room([]));
  mirror.send("hmm", null);
  await settled();
  assert.deepEqual(outbox().map(({ state, id }) => [state, id]), [["held", "h1"]]);
  mirror.reviewed({ id: "h2", allow: false }, "no");
  assert.equal(outbox()[0]?.state, "held");
  mirror.reviewed({ id: "h1", allow: false }, "no");
  assert.deepEqual(outbox().map(({ state, reason }) => [state, reason]), [["failed", "no"]]);
});

test("a held message that is allowed is no longer on its way", async () => {
  const { mirror, outbox } = opened({ "chat:send": () => ({ ok: true, held: true, id: "h1" }) });
  await mirror.open(room([]));
  mirror.send("hmm", null);
  await settled();
  mirror.reviewed({ id: "h1", allow: true }, "no");
  assert.deepEqual(outbox(), []);
});

test("a clear is for its own room", async () => {
  const { mirror, cleared } = opened();
  mirror.clear({ room_id: "other", offset: 9, user_id: null });
  mirror.clear({ room_id: ROOM, offset: 2, user_id: "u1" });
  assert.deepEqual(cleared, [[2, "u1"]]);
});

test("a message that is restored is shown again, in its own room alone", () => {
  const { mirror, restored } = opened();
  mirror.restore({ room_id: "other", message: message(1) });
  mirror.restore({ room_id: ROOM, message: message(2) });
  assert.deepEqual(restored, [2]);
});
