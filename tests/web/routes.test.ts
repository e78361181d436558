import assert from "node:assert/strict";
import { test } from "node:test";
import { isServersOwn, returnPathOf, routeOf } from "@web/routes";

test("every page has its address, with and without a slash at the end", () => {
  for (const page of ["live", "login", "register", "settings", "admin"]) {
    assert.deepEqual(routeOf(`/${page}`), { page });
    assert.deepEqual(routeOf(`/${page}/`), { page });
  }
  assert.deepEqual(routeOf("/"), { page: "home" });
});

test("an address of a stream names the stream", () => {
  assert.deepEqual(routeOf("/watch/0190-abc"), { page: "watch", streamId: "0190-abc" });
  assert.deepEqual(routeOf("/watch/a%20b/"), { page: "watch", streamId: "a b" });
});

test("an address of a person names the person, however it is escaped", () => {
  assert.deepEqual(routeOf("/@mira"), { page: "profile", username: "mira" });
  assert.deepEqual(routeOf("/@m%C3%AFra"), { page: "profile", username: "mïra" });
});

test("an escape that is none is taken as it stands", () => {
  assert.deepEqual(routeOf("/@50%"), { page: "profile", username: "50%" });
});

test("what is no page is missing", () => {
  for (const path of ["/watch", "/watch/", "/watch/a/b", "/@", "/mira", "/Live", "/live/x"]) {
    assert.equal(routeOf(path).page, "missing", path);
  }
});

test("pages of the server are not pages of the client", () => {
  for (const path of ["/docs", "/openapi.json", "/api/v1/server", "/hls/x/index.m3u8", "/metrics"]) assert.ok(isServersOwn(path), path);
  for (const path of ["/", "/docsy", "/apis", "/watch/api", "/hlsx"]) assert.ok(!isServersOwn(path), path);
});

test("after signing in the way leads to a path of this site alone", () => {
  assert.equal(returnPathOf("?next=%2Fwatch%2Fabc"), "/watch/abc");
  assert.equal(returnPathOf(""), "/");
  for (const other of ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "watch/abc", ""]) {
    assert.equal(returnPathOf(`?next=${encodeURIComponent(other)}`), "/", other);
  }
});
