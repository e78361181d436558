import assert from "node:assert/strict";
import { test } from "node:test";
import { caretsOf, indexOf, piecesOf, positionAt, rangeOf } from "@web/features/projects/places";
import * as Y from "yjs";

const written = (words: string): Y.Doc => {
  const doc = new Y.Doc();
  doc.getText("content").insert(0, words);
  return doc;
};

test("a place stays at its words while others write, and goes with them", () => {
  const doc = written("dig and rest");
  const text = doc.getText("content");
  const place = JSON.parse(JSON.stringify({ start: positionAt(text, 4), end: positionAt(text, 7) }));
  text.insert(0, "First: ");
  assert.deepEqual(rangeOf(doc, place), { start: 11, end: 14 });
  text.delete(9, 8);
  assert.equal(rangeOf(doc, place), null);
  assert.equal(rangeOf(doc, null), null);
});

test("the end of a text is a place, and what others send may be no place", () => {
  const doc = written("dig");
  const text = doc.getText("content");
  assert.equal(indexOf(doc, positionAt(text, 3)), 3);
  doc.getArray("other").insert(0, ["x"]);
  const elsewhere = Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(doc.getArray("other"), 0));
  for (const wrong of [null, undefined, 7, "x", {}, { item: 3 }, { type: "x" }, { item: { client: 9, clock: 9 } }, elsewhere]) assert.equal(indexOf(doc, wrong), null);
});

test("carets are those of the others who say where they are", () => {
  const doc = written("dig");
  const at = positionAt(doc.getText("content"), 2);
  const states = new Map<number, Record<string, unknown>>([
    [doc.clientID, { user: { name: "Me" }, caret: at }],
    [1, { user: { name: "Ada" }, caret: at }],
    [2, { user: { name: "x".repeat(5000) }, caret: at }],
    [3, { user: { name: "Nowhere" } }],
    [4, { user: 5, caret: at }],
  ]);
  assert.deepEqual(caretsOf(doc, states).map(({ name, at: place }) => [name.length, place]), [[3, 2], [40, 2]]);
});

test("a text is cut where comments begin and end and where carets stand", () => {
  const ranges = new Map([["a", { start: 1, end: 4 }], ["b", { start: 3, end: 6 }]]);
  const caret = { name: "Ada", hue: 1, at: 6 };
  const pieces = piecesOf("abcdef", ranges, [caret]);
  assert.deepEqual(pieces.map(({ text, comments }) => [text, ...comments]), [["a"], ["bc", "a"], ["d", "a", "b"], ["ef", "b"], [""]]);
  assert.deepEqual(pieces.at(-1)?.carets, [caret]);
  assert.equal(piecesOf("", new Map(), []).map((one) => one.text).join(""), "");
});
