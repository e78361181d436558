// The official client against the echo endpoint. Usage: node official_client.mjs <node_modules> <url> [case to leave out]
// Prints one line for each case; exits with 1 when one fails.
import { createRequire } from "node:module";
import assert from "node:assert/strict";
import path from "node:path";

const [, , modules, url, leftOut] = process.argv;
const require = createRequire(path.join(path.resolve(modules), "loader.cjs"));
const { io } = require("socket.io-client");

const within = (promise, what, ms = 5000) => {
  let timer;
  const deadline = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${ms} ms`)), ms);
  });
  return Promise.race([promise, deadline]).finally(() => clearTimeout(timer));
};
const once = (emitter, event) => within(new Promise((resolve) => emitter.once(event, (...args) => resolve(args))), event);
const open = (options = {}, namespace = "/") => io(url + namespace, { forceNew: true, reconnectionDelay: 20, ...options });

const exchange = async (transports, upgradesTo) => {
  const socket = open({ transports, auth: { token: "t" } });
  const auth = once(socket, "auth");
  const upgrade = upgradesTo ? new Promise((resolve) => socket.io.once("open", () => socket.io.engine.once("upgrade", resolve))) : null;
  await once(socket, "connect");
  assert.deepEqual(await auth, [{ token: "t" }]);
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(await within(socket.emitWithAck("join", "room"), "ack"), "ok");
    const back = once(socket, "message-back");
    socket.emit("message", 1, "é\u{1F600}", { a: [Buffer.from([1, 2]), null], b: true });
    assert.deepEqual(await back, [1, "é\u{1F600}", { a: [Buffer.from([1, 2]), null], b: true }]);
    const long = once(socket, "message-back");
    socket.emit("message", "x".repeat(400_000));
    assert.equal((await long)[0].length, 400_000);
    const binary = await within(socket.emitWithAck("message-with-ack", Buffer.from([9, 8, 7])), "ack");
    assert.deepEqual([...new Uint8Array(binary)], [9, 8, 7]);
    const numbers = [];
    const all = within(new Promise((resolve) => {
      socket.on("message-back", function take(number) {
        numbers.push(number);
        if (numbers.length === 300) { socket.off("message-back", take); resolve(); }
      });
    }), "burst");
    for (let number = 0; number < 300; number++) socket.emit("message", number);
    await all;
    assert.deepEqual(numbers, [...Array(300).keys()]);
    if (upgrade && round === 0) await within(upgrade, "upgrade");
  }
  assert.equal(socket.io.engine.transport.name, upgradesTo ?? transports[0]);
  socket.close();
};

const cases = {
  "websocket": () => exchange(["websocket"]),
  "polling": () => exchange(["polling"]),
  "polling and upgrade": () => exchange(["polling", "websocket"], "websocket"),
  "namespaces": async () => {
    const custom = open({}, "/custom");
    assert.deepEqual(await once(custom, "auth"), [{}]);
    custom.close();
    const [error] = await once(open({ reconnection: false }, "/nowhere"), "connect_error");
    assert.equal(error.message, "Invalid namespace");
  },
  "kick": async () => {
    for (const transports of [["websocket"], ["polling"]]) {
      const socket = open({ transports });
      await once(socket, "connect");
      socket.emit("kickme");
      assert.deepEqual((await once(socket, "disconnect"))[0], "io server disconnect");
    }
  },
  "reconnection": async () => {
    const socket = open({ transports: ["websocket"] });
    await once(socket, "connect");
    const gone = once(socket, "disconnect");
    const back = gone.then(() => once(socket, "connect"));
    socket.io.engine.close();
    await back;
    assert.deepEqual(await within(socket.emitWithAck("message-with-ack", 1), "ack"), 1);
    socket.close();
  },
  "recovers what it missed": async () => {
    const socket = open({ transports: ["websocket"], auth: { recover: true } });
    await once(socket, "auth");
    assert.equal(socket.recovered, false);
    const other = open({ transports: ["websocket"] });
    for (const one of [socket, other]) assert.equal(await within(one.emitWithAck("join", "r"), "ack"), "ok");
    const sid = socket.id, heard = [];
    socket.on("said", ({ body }) => heard.push(body));
    await within(other.emitWithAck("say", "r", 1), "ack");
    while (heard.length < 1) await once(socket, "said");
    const gone = once(socket, "disconnect");
    socket.io.reconnection(false);
    socket.io.engine.close();
    await gone;
    for (const body of [2, 3]) await within(other.emitWithAck("say", "r", body), "ack");
    socket.io.reconnection(true);
    socket.connect();
    await once(socket, "connect");
    assert.equal(socket.recovered, true);
    assert.equal(socket.id, sid);
    await within(other.emitWithAck("say", "r", 4), "ack");
    while (heard.length < 4) await once(socket, "said");
    assert.deepEqual(heard, [1, 2, 3, 4]);
    socket.disconnect().connect();
    await once(socket, "connect");
    assert.equal(socket.recovered, false);
    socket.close();
    other.close();
  },
  "compressed": async () => {
    const socket = open({ transports: ["websocket"], perMessageDeflate: { threshold: 0 } });
    await once(socket, "connect");
    assert.match(socket.io.engine.transport.ws.extensions, /^permessage-deflate/);
    assert.equal(await within(socket.emitWithAck("join", "long"), "ack"), "ok");
    for (const body of ["é", "x".repeat(100), "what a goal! ".repeat(10_000)]) {
      const said = once(socket, "said");
      assert.equal(await within(socket.emitWithAck("say", "long", body), "ack"), "ok");
      assert.equal((await said)[0].body, body);
    }
    socket.close();
  },
  "outlives its pings": async () => {
    for (const transports of [["websocket"], ["polling"]]) {
      const socket = open({ transports, reconnection: false });
      await once(socket, "connect");
      for (let ping = 0; ping < 3; ping++) await once(socket.io, "ping");
      assert.ok(socket.connected);
      socket.close();
    }
  },
};

let failed = 0;
for (const [name, run] of Object.entries(cases)) {
  if (name === leftOut) continue;
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${error.stack}`);
  }
}
process.exit(failed ? 1 : 0);
