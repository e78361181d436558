import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerEvents, isPlace, type Source } from "@web/features/assistant/events";

test("events are read from any pieces of their text", () => {
  const text = 'data: {"delta":"س "}\n\ndata: {"delta":"b"}\n\ndata: {"sources":[],"complete":true}\n\ndata: {"del';
  for (const size of [1, 3, 8, text.length]) {
    const events = new AnswerEvents();
    const found = [];
    for (let at = 0; at < text.length; at += size) found.push(...events.feed(text.slice(at, at + size)));
    assert.deepEqual(found, [{ delta: "س " }, { delta: "b" }, { sources: [], complete: true }]);
  }
});

test("only places of this page are linked to", () => {
  const source = (url: string): Source => ({ title: "t", url, kind: "post" });
  for (const url of ["/help/go-live", "/posts/1"]) assert.ok(isPlace(source(url)), url);
  for (const url of ["//evil.example", "https://evil.example", "javascript:alert(1)", "/\\evil.example", "", "help"])
    assert.ok(!isPlace(source(url)), url);
});
