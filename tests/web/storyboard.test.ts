import assert from "node:assert/strict";
import { test } from "node:test";
import { momentAt, momentsOf } from "@web/features/player/storyboard";

const VTT = `WEBVTT

00:00:00.000 --> 00:00:10.000
storyboard/0-2.webp#xywh=0,0,160,90

01:00:10.000 --> 01:00:20.500
storyboard/0-2.webp#xywh=160,90,160,90
`;

test("cues say when which part of which sheet is shown", () => {
  const moments = momentsOf(VTT);
  assert.equal(moments.length, 2);
  assert.deepEqual(moments[1], { from: 3610, to: 3620.5, sheet: "storyboard/0-2.webp", x: 160, y: 90, width: 160, height: 90 });
  assert.deepEqual(momentsOf("WEBVTT\n\n00:00:00.000 --> 00:00:10.000\nplain words\n"), []);
  assert.equal(momentsOf(VTT.replaceAll("\n", "\r\n")).length, 2);
});

test("the last picture stands for what has not been drawn yet, and no picture for a pause", () => {
  const moments = momentsOf(VTT);
  assert.equal(momentAt(moments, 9.9), moments[0]);
  assert.equal(momentAt(moments, 3_625), moments[1]);
  assert.equal(momentAt(moments, 1_800), undefined);
});
