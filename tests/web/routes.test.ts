import assert from "node:assert/strict";
import { test } from "node:test";
import { isServersOwn, matchOf, returnPathOf } from "@web/routes";
import { pages } from "@web/shell/pages";

const found = (path: string): [string, Record<string, string>] | null => {
  const match = matchOf(pages, path);
  return match && [match.page.path, match.parameters];
};

test("every page has its address, with and without a slash at the end", () => {
  for (const page of ["live", "login", "register", "search", "settings", "admin"]) {
    assert.deepEqual(found(`/${page}`), [`/${page}`, {}]);
    assert.deepEqual(found(`/${page}/`), [`/${page}`, {}]);
  }
  assert.deepEqual(found("/"), ["/", {}]);
});

test("an address of a stream names the stream", () => {
  assert.deepEqual(found("/watch/0190-abc"), ["/watch/:streamId", { streamId: "0190-abc" }]);
  assert.deepEqual(found("/watch/a%20b/"), ["/watch/:streamId", { streamId: "a b" }]);
});

test("an address of a person names the person, however it is escaped", () => {
  assert.deepEqual(found("/@mira"), ["/@:username", { username: "mira" }]);
  assert.deepEqual(found("/@m%C3%AFra"), ["/@:username", { username: "mïra" }]);
});

test("an escape that is none is taken as it stands", () => {
  assert.deepEqual(found("/@50%"), ["/@:username", { username: "50%" }]);
});

test("a section of an area has an address of its own", () => {
  assert.deepEqual(found("/settings/profile"), ["/settings/:section", { section: "profile" }]);
  assert.deepEqual(found("/admin/cluster"), ["/admin/:section", { section: "cluster" }]);
});

test("what is no page is missing", () => {
  for (const path of ["/watch", "/watch/", "/watch/a/b", "/@", "/mira", "/Live", "/live/x", "/settings/a/b"]) {
    assert.equal(found(path), null, path);
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
