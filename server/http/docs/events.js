// Shows /asyncapi.json beside the operations, and sends events over a Socket.IO connection of its own.

import { example, make, resolve, schemaView } from "/docs/docs.js";

const ANSWER_MS = 10_000;

// Engine.IO 4 and Socket.IO 5 over WebSocket, as far as this page needs them: a type digit, then JSON.
class Connection {
  #waiting = new Map();
  #next = 0;

  constructor(token, show) {
    this.show = show;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(`${scheme}//${location.host}/socket.io/?EIO=4&transport=websocket`);
    this.opened = new Promise((done, failed) => {
      this.socket.onmessage = ({ data }) => this.#take(data, token, done, failed);
      this.socket.onclose = () => failed(new Error("the connection has closed"));
    });
  }

  get isOpen() {
    return this.socket.readyState <= WebSocket.OPEN;
  }

  async ask(name, body) {
    await this.opened;
    const number = this.#next++;
    this.socket.send(`42${number}${JSON.stringify([name, body])}`);
    return new Promise((done, failed) => {
      this.#waiting.set(number, done);
      setTimeout(() => failed(new Error("no acknowledgement within 10 s")), ANSWER_MS);
    });
  }

  #take(data, token, done, failed) {
    const [, kind, number, json] = /^(\d\d?)(\d*)(.*)$/s.exec(data);
    if (kind.startsWith("0")) this.socket.send(`40${token ? JSON.stringify({ token }) : ""}`);
    else if (kind.startsWith("2")) this.socket.send("3");
    else if (kind === "40") done();
    else if (kind === "44") failed(new Error(JSON.parse(number + json).message));
    else if (kind === "43") this.#waiting.get(Number(number))?.(JSON.parse(json)[0]);
    else if (kind === "42") this.show(...JSON.parse(number + json));
  }
}

let connection = null;

function connected(token, show) {
  if (!connection?.isOpen) connection = new Connection(token, show);
  return connection;
}

function messageOf(spec, reference) {
  return resolve(spec, resolve(spec, reference));
}

function tryIt(spec, name, schema, tokenInput, show) {
  const text = make("textarea", { spellcheck: "false" });
  text.value = JSON.stringify(example(spec, schema), null, 2);
  const output = make("pre", { role: "status", tabindex: "0", "aria-label": "Acknowledgement" }, "The acknowledgement will be shown here.");
  const form = make("form", {}, make("h4", {}, "Try it"), make("label", {}, "Body (JSON)", text));
  form.append(make("p", {}, make("button", {}, `Send ${name}`)), output);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    output.textContent = "…";
    try {
      const answer = await connected(tokenInput.value.trim(), show).ask(name, JSON.parse(text.value));
      output.textContent = JSON.stringify(answer, null, 2);
    } catch (error) {
      output.textContent = `It failed: ${error.message}`;
    }
  });
  return form;
}

function fill(spec, channel, operation, tokenInput, show) {
  const [sent] = operation.messages.map((one) => messageOf(spec, one));
  const parts = [make("p", {}, operation.description), make("h4", {}, "Body"), schemaView(spec, sent.payload)];
  if (operation.action === "send") return parts;
  const replies = operation.reply.messages.map((one) => messageOf(spec, one));
  for (const reply of replies)
    parts.push(make("details", {}, make("summary", {}, `Acknowledgement: ${reply.summary}`), schemaView(spec, reply.payload)));
  return [...parts, tryIt(spec, channel.address, sent.payload, tokenInput, show)];
}

function eventView(spec, operation, tokenInput, show) {
  const channel = resolve(spec, operation.channel);
  const way = operation.action === "receive" ? "SEND" : "HEAR";
  const summary = make("summary", {}, make("span", { class: "method" }, way), make("span", { class: "path" }, channel.address));
  summary.append(make("span", { class: "quiet" }, ` ${operation.summary}`));
  const view = make("details", {}, summary);
  view.dataset.words = `${way} ${channel.address} ${operation.summary} socket.io event`.toLowerCase();
  view.addEventListener("toggle", () => {
    if (view.childElementCount === 1) view.append(...fill(spec, channel, operation, tokenInput, show));
  });
  return view;
}

/** Two sections, of what clients send and of what the server sends, and a log of what came while this page was open. */
export function eventSections(spec, tokenInput) {
  const log = make("pre", { role: "log", tabindex: "0", "aria-label": "Events that came" }, "");
  const show = (name, body) => {
    log.textContent = `${name} ${JSON.stringify(body)}\n${log.textContent}`.slice(0, 20_000);
  };
  const views = (action) =>
    Object.values(spec.operations)
      .filter((one) => one.action === action)
      .map((one) => eventView(spec, one, tokenInput, show));
  return [
    make("section", { "aria-label": "events to send" }, make("h2", {}, "Socket.IO: events to send"), ...views("receive")),
    make("section", { "aria-label": "events to hear" }, make("h2", {}, "Socket.IO: events to hear"), log, ...views("send")),
  ];
}
