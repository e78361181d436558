import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ApiError, request, send, sentence } from "@web/api/http";
import { serve, type Answered } from "./server";

async function answering(context: TestContext, answered: Answered) {
  const server = await serve(() => answered);
  context.after(server.close);
  return server.asked;
}

async function refusal(asking: Promise<unknown>): Promise<ApiError> {
  const error = await asking.then(() => null, (refused: unknown) => refused);
  if (!(error instanceof ApiError)) throw new Error(`not refused by the server: ${String(error)}`);
  return error;
}

test("a request is JSON in the person's name, and answers the body", async (context) => {
  const asked = await answering(context, { body: { id: 5 } });
  deepEqual(await request("/streams", { method: "POST", body: { title: "x" }, token: "abc" }), { id: 5 });
  const [one] = asked;
  deepEqual([one?.method, one?.path, one?.body], ["POST", "/api/v1/streams", { title: "x" }]);
  deepEqual([one?.headers.authorization, one?.headers["content-type"], one?.headers.accept], ["Bearer abc", "application/json", "application/json"]);
});

test("a guest's request has no name and no body, and nothing is an answer", async (context) => {
  const asked = await answering(context, { status: 204 });
  equal(await request("/auth/logout", { token: null }), undefined);
  deepEqual([asked[0]?.headers.authorization, asked[0]?.headers["content-type"]], [undefined, undefined]);
});

test("a problem has its status, code, fields and wait", async (context) => {
  const body = { type: "/problems/invalid", title: "No", detail: "It is wrong.", errors: [{ field: "title", message: "is required" }], reason: "r" };
  await answering(context, { status: 422, body, headers: { "Retry-After": "7" } });
  const error = await refusal(request("/streams"));
  deepEqual([error.status, error.code, error.message, error.reason, error.retryAfterS], [422, "invalid", "It is wrong.", "r", 7]);
  deepEqual(error.fields, body.errors);
});

test("an answer that breaks off after its head is a server that cannot be reached", async (context) => {
  const body = new ReadableStream({ start: (control) => control.error(new DOMException("signal timed out", "TimeoutError")) });
  context.mock.method(globalThis, "fetch", async () => new Response(body));
  const error = await refusal(request("/streams"));
  deepEqual([error.status, error.isOffline], [0, true]);
});

test("a proxy's page is a refusal by its status", async (context) => {
  await answering(context, { status: 502, body: "<html>Bad gateway</html>", headers: { "Retry-After": "soon" } });
  const error = await refusal(request("/streams"));
  deepEqual([error.status, error.fields, error.retryAfterS, error.isOffline], [502, [], null, false]);
});

test("a refusal for a while says how long", async (context) => {
  await answering(context, { status: 429, body: { detail: "Too many." }, headers: { "Retry-After": "30" } });
  match(sentence(await refusal(request("/streams"))), /^Too many\. .*30/);
});

test("a server that is not there is no refusal of its own", async (context) => {
  const server = await serve(() => ({}));
  server.close();
  context.after(server.close);
  const error = await refusal(send("http://127.0.0.1:9/", {}).then(() => undefined));
  deepEqual([error.status, error.isOffline], [0, true]);
});

test("an answer that does not come is waited for no longer than was said", async (context) => {
  await answering(context, { body: null });
  equal((await refusal(request("/streams", { timeoutMs: 40 }))).isOffline, true);
});

test("what the caller breaks off stays an abort", async (context) => {
  await answering(context, { body: null });
  const abort = new AbortController();
  const asking = request("/streams", { signal: abort.signal });
  abort.abort();
  await rejects(asking, { name: "AbortError" });
});

test("whatever was thrown is a sentence", () => {
  equal(sentence(new Error("It broke.")), "It broke.");
  for (const thrown of [null, "text", 5, new Error(), {}]) match(sentence(thrown), /^\p{Lu}.*\.$/u);
});
