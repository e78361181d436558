import { deepEqual, equal, rejects } from "node:assert/strict";
import { afterEach, test, type TestContext } from "node:test";
import { browser, serve, type Answered, type Asked } from "./server";

const storage = browser();
// The modules read the browser when they are loaded.
const session = await import("@web/api/session");
const { exclusively } = await import("@web/api/locks");

const USER = { id: "u1", username: "ada", display_name: "Ada" };
let pairs = 0;
const pair = (expires_in = 900): Answered => ({ body: { user: USER, access_token: `token ${++pairs}`, expires_in, token_type: "Bearer" } });
const refused = (status: number, code: string): Answered => ({ status, body: { type: `/problems/${code}`, title: code } });

async function serving(context: TestContext, answers: Record<string, (asked: Asked) => Answered | Promise<Answered>>) {
  const server = await serve((asked) => answers[asked.path.replace("/api/v1", "")]?.(asked) ?? refused(404, "not-found"));
  context.after(server.close);
  return { paths: () => server.asked.map(({ path }) => path.replace("/api/v1", "")), asked: server.asked };
}

const signedIn = (): Promise<void> => session.signIn("ada", "secret");

afterEach(() => {
  session.endedByServer();
  session.sessionEnded.value = null;
  storage.clear();
});

test("who signs in is known at once, to other tabs too, and no token is stored", async (context) => {
  const { asked } = await serving(context, { "/auth/login": () => pair() });
  await session.signIn("ada", "secret", "123456");
  deepEqual(asked[0]?.body, { login: "ada", password: "secret", session: "cookie", totp: "123456" });
  equal(session.me.value?.username, "ada");
  deepEqual(JSON.parse(storage.get("sf.session") ?? ""), { user: USER });
});

test("a token that is good for long is not renewed, one that ends soon is, once for all who ask", async (context) => {
  const { paths } = await serving(context, { "/auth/login": () => pair(30), "/auth/refresh": () => pair() });
  await signedIn();
  const tokens = await Promise.all([1, 2, 3, 4].map(() => session.accessToken()));
  equal(new Set(tokens).size, 1);
  equal(await session.accessToken(), tokens[0]);
  deepEqual(paths(), ["/auth/login", "/auth/refresh"]);
});

test("a guest has no token and asks for none", async (context) => {
  const { paths } = await serving(context, {});
  equal(await session.accessToken(), null);
  deepEqual(paths(), []);
});

test("a session that is over is forgotten and said, and the person is a guest from then on", async (context) => {
  await serving(context, { "/auth/login": () => pair(30), "/auth/refresh": () => refused(401, "token-revoked") });
  await signedIn();
  equal(await session.accessToken(), null);
  deepEqual([session.me.value, session.sessionEnded.value, storage.has("sf.session")], [null, "expired", false]);
});

test("a server that is away ends no session", async (context) => {
  let isAway = true;
  await serving(context, { "/auth/login": () => pair(30), "/auth/refresh": () => (isAway ? refused(503, "unavailable") : pair()) });
  await signedIn();
  await rejects(session.accessToken(), { status: 503 });
  equal(session.me.value?.id, USER.id);
  isAway = false;
  equal(typeof (await session.accessToken()), "string");
});

test("a token that the server refuses is renewed and the request put once more", async (context) => {
  const seen: (string | undefined)[] = [];
  const { paths } = await serving(context, {
    "/auth/login": () => pair(),
    "/auth/refresh": () => pair(),
    "/me": ({ headers }) => (seen.push(headers.authorization), seen.length === 1 ? refused(401, "token-expired") : { body: USER }),
  });
  await signedIn();
  deepEqual(await session.call("/me"), USER);
  deepEqual(paths(), ["/auth/login", "/me", "/auth/refresh", "/me"]);
  equal(new Set(seen).size, 2);
});

test("a refusal that is not about the token is not put again", async (context) => {
  const { paths } = await serving(context, { "/auth/login": () => pair(), "/me": () => refused(401, "wrong-password") });
  await signedIn();
  await rejects(session.call("/me"), { code: "wrong-password" });
  deepEqual(paths(), ["/auth/login", "/me"]);
});

test("who signs out is a guest at once, though the server cannot be told", async (context) => {
  await serving(context, { "/auth/login": () => pair(), "/auth/logout": () => refused(503, "unavailable") });
  await signedIn();
  await session.signOut();
  deepEqual([session.me.value, session.sessionEnded.value], [null, null]);
});

test("a session of before tokens lay in the cookie is exchanged for one that does", async (context) => {
  const { asked } = await serving(context, { "/auth/refresh": () => pair() });
  storage.set("sf.session", JSON.stringify({ user: USER, refresh_token: "old" }));
  session.resumeSession();
  equal(session.me.value?.id, USER.id);
  await session.accessToken();
  deepEqual(asked[0]?.body, { refresh_token: "old", session: "cookie" });
  deepEqual(JSON.parse(storage.get("sf.session") ?? ""), { user: USER });
});

test("a session that a provider's callback began is taken up only when this tab went there", async (context) => {
  const { paths } = await serving(context, { "/auth/refresh": () => pair() });
  await session.takeUpExpected();
  deepEqual(paths(), []);
  session.expectSession();
  await session.takeUpExpected();
  deepEqual([paths(), session.me.value?.id], [["/auth/refresh"], USER.id]);
});

test("what is stored and cannot be read is nobody's session", async () => {
  storage.set("sf.session", "{broken");
  session.resumeSession();
  deepEqual([session.me.value, await session.accessToken()], [null, null]);
});

test("of those that want one lock each has it alone, and a failure gives it back", async () => {
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, ++inside);
    await new Promise((done) => setImmediate(done));
    inside -= 1;
  };
  const failing = exclusively("lock", () => Promise.reject(new Error("no")));
  await Promise.all([exclusively("lock", work), exclusively("lock", work), rejects(failing, /no/)]);
  deepEqual([most, inside, storage.has("lock.lock")], [1, 0, false]);
});

test("the lock of a tab that was closed is free after a while", async () => {
  storage.set("lock.lock", JSON.stringify({ holder: "gone", until: Date.now() - 1 }));
  equal(await exclusively("lock", () => Promise.resolve("mine")), "mine");
});
