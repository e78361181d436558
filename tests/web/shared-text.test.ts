import assert from "node:assert/strict";
import { test } from "node:test";
import { editOf, fromBase64, moved, toBase64, write } from "@web/features/projects/shared-text";
import * as Y from "yjs";

test("what a field's new value changes is one edit", () => {
  assert.equal(editOf("same", "same"), null);
  assert.deepEqual(editOf("hello", "hello there"), { at: 5, removed: 0, added: " there" });
  assert.deepEqual(editOf("aaa", "aa"), { at: 2, removed: 1, added: "" });
  assert.deepEqual(editOf("one two", "one 2"), { at: 4, removed: 3, added: "2" });
});

test("a character of two units is not cut in half", () => {
  assert.deepEqual(editOf("😀", "😁"), { at: 0, removed: 2, added: "😁" });
});

test("texts that are written at the same time come together", () => {
  const [one, other] = [new Y.Doc(), new Y.Doc()];
  write(one.getText("content"), "tea");
  Y.applyUpdate(other, Y.encodeStateAsUpdate(one));
  write(one.getText("content"), "tea and milk");
  write(other.getText("content"), "Green tea");
  Y.applyUpdate(other, Y.encodeStateAsUpdate(one));
  Y.applyUpdate(one, fromBase64(toBase64(Y.encodeStateAsUpdate(other))));
  assert.equal(one.getText("content").toString(), "Green tea and milk");
  assert.equal(other.getText("content").toString(), "Green tea and milk");
});

test("a caret stays at its letter when others write before it", () => {
  assert.equal(moved(5, [{ insert: "abc" }]), 8);
  assert.equal(moved(5, [{ retain: 5 }, { insert: "abc" }]), 5);
  assert.equal(moved(5, [{ retain: 1 }, { delete: 2 }]), 3);
  assert.equal(moved(5, [{ retain: 4 }, { delete: 9 }]), 4);
});
