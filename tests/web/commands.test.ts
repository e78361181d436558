/** What moderators write behind a slash, and what is offered while they write. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { completions, parseCommand, seconds, USAGE } from "@web/features/chat/commands";

const order = (text: string): unknown => {
  const parsed = parseCommand(text);
  assert.ok(parsed && "order" in parsed, text);
  return parsed.order;
};

test("modes are switched on and off, with how much where there is a measure", () => {
  const modes: [string, object][] = [
    ["/slow", { slow_seconds: 30 }],
    ["/slow 5", { slow_seconds: 5 }],
    ["/slow off", { slow_seconds: 0 }],
    ["/followers", { followers_only_seconds: 0 }],
    ["/followers 10m", { followers_only_seconds: 600 }],
    ["/followers off", { followers_only_seconds: null }],
    ["/subscribers", { subscribers_only: true }],
    ["/emotes off", { emotes_only: false }],
    ["/unique", { unique: true }],
    ["/shield", { shield: true }],
    ["/shield off", { shield: false }],
  ];
  for (const [text, mode] of modes) assert.deepEqual(order(text), { event: "chat:mode", mode }, text);
});

test("people are named with or without the sign, and a reason is the rest", () => {
  assert.deepEqual(order("/timeout @ann 2h too loud"), {
    event: "chat:timeout", username: "ann", seconds: 7200, reason: "too loud",
  });
  assert.deepEqual(order("/timeout ann too loud"), { event: "chat:timeout", username: "ann", seconds: 600, reason: "too loud" });
  assert.deepEqual(order("/ban @ann spam"), { event: "chat:ban", username: "ann", reason: "spam" });
  assert.deepEqual(order("/unban ann"), { event: "chat:unban", username: "ann" });
  assert.deepEqual(order("/purge ann"), { event: "chat:purge", username: "ann" });
  const roles: [string, string | null][] = [["mod", "moderator"], ["unmod", null], ["vip", "vip"], ["unvip", null]];
  for (const [name, role] of roles) assert.deepEqual(order(`/${name} @ann`), { event: "chat:role", username: "ann", role });
});

test("an announcement is the rest of the line, and a clear takes nothing", () => {
  assert.deepEqual(order("/announce We start at /nine"), { event: "chat:announce", text: "We start at /nine" });
  assert.deepEqual(order("/clear"), { event: "chat:clear" });
});

test("what is written otherwise is answered with how it is written", () => {
  for (const text of ["/slow fast", "/slow 5 5", "/ban", "/ban @a", "/clear all", "/announce", "/shield 5", "/followers 1y"]) {
    const name = /\w+/.exec(text)?.[0] ?? "";
    assert.deepEqual(parseCommand(text), { usage: USAGE[name] }, text);
  }
});

test("a message that only begins with a slash is a message", () => {
  for (const text of ["/shrug", "hello /ban ann", "/", "/ ban", "constructor", "/constructor", "/toString x"]) {
    assert.equal(parseCommand(text), null, text);
  }
});

test("lengths have units", () => {
  assert.deepEqual(["90", "90s", "10m", "2h", "1d"].map(seconds), [90, 90, 600, 7200, 86400]);
  assert.deepEqual(["", "m", "1y", "-1", "1.5", "99999999"].map(seconds), [null, null, null, null, null, null]);
});

const known = (mayModerate: boolean) => ({ names: () => ["ann", "Anton", "bob"], emotes: ["Hype", "hi", "wave"], mayModerate });

test("an emote is completed behind a colon, also right behind another one", () => {
  assert.deepEqual(completions("so :h", known(false)), ["so :Hype: ", "so :hi: "]);
  assert.deepEqual(completions(":hi::w", known(false)), [":hi::wave: "]);
  for (const text of [":", "10:3", "a:h", ":hi"+" "]) assert.deepEqual(completions(text, known(false)), [], text);
});

test("names are offered after the sign and commands at the beginning, to those who may", () => {
  assert.deepEqual(completions("hi @an", known(false)), ["hi @ann ", "hi @Anton "]);
  assert.deepEqual(completions("@", known(false)), ["@ann ", "@Anton ", "@bob "]);
  assert.deepEqual(completions("mail@an", known(false)), []);
  assert.deepEqual(completions("/un", known(true)), ["/unique ", "/unban ", "/unmod ", "/unvip "]);
  assert.deepEqual(completions("/un", known(false)), []);
  assert.deepEqual(completions("/ban an", known(true)), []);
});
