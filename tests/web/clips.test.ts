import assert from "node:assert/strict";
import { test } from "node:test";
import { secondsBefore } from "@web/features/clips/span";
import { snippetOf } from "@web/features/watch/snippet";
import { isServersOwn } from "@web/routes";

test("a clip of a stream that has just begun is as long as there is of it", () => {
  assert.equal(secondsBefore(120_000, 30), 30);
  assert.equal(secondsBefore(20_000, 30), 17);
  assert.equal(secondsBefore(500, 30), 1);
});

test("the code for another page holds nothing that a title smuggles in", () => {
  const snippet = snippetOf("https://live.test/embed/1", `"><script>'&`);
  assert.ok(snippet.includes('title="&quot;&gt;&lt;script&gt;&#39;&amp;"'));
  assert.equal(snippet.match(/</g)?.length, 2);
});

test("a clip's page is the client's, its files are the server's", () => {
  assert.ok(!isServersOwn("/clips/0191"));
  assert.ok(isServersOwn("/clips/0191/clip.mp4"));
  assert.ok(isServersOwn("/oembed"));
});
