import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "@web/api/http";
import { Submission } from "@web/ui/submission";

const refused = (...fields: [string, string][]): ApiError =>
  new ApiError(422, { title: "No", errors: fields.map(([field, message]) => ({ field, message })) });

const fail = (error: unknown) => (): Promise<void> => Promise.reject(error);

test("a form is sent once, however often its button is pressed", async () => {
  const submission = new Submission();
  let sent = 0;
  let finish = (): void => undefined;
  const act = (): Promise<void> => ((sent += 1), new Promise((done) => (finish = done)));
  const first = submission.send(act, []);
  equal(submission.busy.value, true);
  equal(await submission.send(act, []), false);
  finish();
  deepEqual([await first, sent, submission.busy.value], [false, 1, false]);
});

test("what the server says of a known field stands beside it, the rest above the form", async () => {
  const submission = new Submission();
  const error = refused(["body.email", "is required"], ["body.colour", "is odd"]);
  equal(await submission.send(fail(error), ["email", "title"]), true);
  deepEqual(submission.errors.value, { email: "E-mail address is missing.", form: "Colour is odd." });
  equal(submission.busy.value, false);
});

test("two faults of one field are told together, the same one once", async () => {
  const submission = new Submission();
  await submission.send(fail(refused(["tags.0", "is too long"], ["tags.3", "is odd"], ["tags.4", "is odd"])), ["tags"]);
  equal(submission.errors.value["tags"], "Tags is too long. Tags is odd.");
});

test("a refusal without fields is one sentence for the whole form", async () => {
  const submission = new Submission();
  await submission.send(fail(new ApiError(409, { title: "Taken", detail: "It was taken." })), ["name"]);
  deepEqual(submission.errors.value, { form: "It was taken." });
  await submission.send(fail("nothing that is known"), []);
  deepEqual(Object.keys(submission.errors.value), ["form"]);
});

test("old errors stay until the next answer, and go when it is good", async () => {
  const submission = new Submission();
  await submission.send(fail(refused(["title", "is required"])), ["title"]);
  let finish = (): void => undefined;
  const sending = submission.send(() => new Promise((done) => (finish = done)), ["title"]);
  deepEqual(Object.keys(submission.errors.value), ["title"]);
  finish();
  await sending;
  deepEqual(submission.errors.value, {});
});
