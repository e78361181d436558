// Reads messages by way of a connection that breaks, answers each tenth, and prints what it read as JSON.
import { Client, HttpRefused, Refused } from "socialflow-client";

const [url, streamId, count] = process.argv.slice(2);
const client = Client.login(url, "bob", process.env["PASSWORD"]);
const room = await client.watch(streamId, { limit: 20 });
console.log("ready");

const errors = [];
for (const attempt of [() => room.timeOut(room.stream.owner.id), () => client.stream("01900000-0000-7000-8000-000000000000")]) {
  await attempt().catch((error) => errors.push([error instanceof Refused, error instanceof HttpRefused, error.code]));
}

const texts = [];
const answers = [];
for await (const message of room) {
  if (message.isMine) continue;
  texts.push(message.text);
  if (texts.length % 10 === 0) answers.push(room.send(`answer ${texts.length}`, { replyTo: message.id }));
  if (texts.length === Number(count)) break;
}
const sent = await Promise.all(answers);
await room.leave();
client.close();
console.log(JSON.stringify({ texts, errors, offsets: sent.map((one) => one.offset) }));
