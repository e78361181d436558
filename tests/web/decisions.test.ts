import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, unreachable } from "@web/api/http";
import { answerTo, hasCaughtUp, hasMoreToShow, playsOn, retryMs, WebrtcTrust, whyNotWebrtc, whyUnplayable } from "@web/features/player/decisions";

const refused = (status: number, reason?: string, type = "about:blank"): ApiError =>
  new ApiError(status, { title: "No", type, ...(reason ? { reason } : {}) });

test("a server that is away is waited for, however often, and WebRTC stays worth a try", () => {
  const trust = new WebrtcTrust();
  for (let n = 0; n < 20; n++) assert.ok(trust.mayWait(n % 2 ? unreachable() : refused(502)));
  assert.ok(!trust.isSpent);
});

test("an interrupted broadcast is waited for, however often", () => {
  const trust = new WebrtcTrust();
  for (let n = 0; n < 20; n++) assert.ok(trust.mayWait(refused(503, undefined, "/problems/interrupted")));
});

test("a server that says five times in a row that it has no WebRTC is not waited for", () => {
  const trust = new WebrtcTrust();
  const answers = [1, 2, 3, 4, 5].map(() => trust.mayWait(refused(503)));
  assert.deepEqual(answers, [true, true, true, true, false]);
});

test("an answer in between begins the count of refusals anew", () => {
  const trust = new WebrtcTrust();
  for (let n = 0; n < 4; n++) trust.mayWait(refused(503));
  trust.mayWait(unreachable());
  assert.ok(trust.mayWait(refused(503)));
});

test("what WebRTC cannot carry is not waited for", () => {
  const trust = new WebrtcTrust();
  const reasons = [refused(406, "codec_unsupported"), refused(422, "b_frames"), refused(503, "full"), refused(403), new Error("no ICE")];
  for (const error of reasons) assert.ok(!trust.mayWait(error), String(error.message));
});

test("two sessions in a row that fail, and the visit stays with HLS until somebody asks for WebRTC", () => {
  const trust = new WebrtcTrust();
  trust.failed();
  assert.ok(!trust.isSpent);
  trust.lost(1000);
  assert.ok(trust.isSpent);
  trust.reset();
  assert.ok(!trust.isSpent);
});

test("a session that has worked for a while speaks for WebRTC when it breaks", () => {
  const trust = new WebrtcTrust();
  trust.failed();
  trust.lost(15_000);
  trust.failed();
  assert.ok(!trust.isSpent);
});

test("the reason why it is not WebRTC is told in words", () => {
  assert.match(whyNotWebrtc(refused(406, "b_frames")), /B-frames/);
  assert.equal(whyNotWebrtc(refused(403)), "No");
  assert.equal(whyNotWebrtc(new Error("No picture arrived.")), "No picture arrived.");
});

test("waits grow with the failures, have a bound, and differ from viewer to viewer", () => {
  assert.ok(Math.abs(retryMs(1, 1) - 1000) < 1e-6);
  assert.ok(Math.abs(retryMs(3, 1) - 3000) < 1e-6);
  assert.ok(Math.abs(retryMs(50, 1) - 5000) < 1e-6);
  assert.ok(Math.abs(retryMs(0, 0) - 600) < 1e-6);
  assert.ok(retryMs(2, 0) < retryMs(2, 0.5));
});

test("a broken decoder is recovered from three times and then begun anew", () => {
  const failure = { isMedia: true, details: "bufferStalledError" };
  assert.deepEqual([0, 1, 2, 3].map((n) => answerTo(failure, n)), ["recover", "recover", "recover", "restart"]);
  assert.equal(answerTo({ isMedia: false, details: "levelLoadError" }, 0), "restart");
});

test("a codec without a decoder is no error to recover from", () => {
  for (const details of ["manifestIncompatibleCodecsError", "bufferIncompatibleCodecsError", "bufferAddCodecError"]) {
    assert.equal(answerTo({ isMedia: true, details }, 0), "unplayable");
  }
});

test("what cannot be played is named as people know it, each codec once", () => {
  const plays = (codec: string): boolean => codec.startsWith("mp4a");
  const words = whyUnplayable(["hvc1.1.6.L93.B0", "mp4a.40.2", "hev1.1.6.L60.B0", "av01.0.04M.08"], plays);
  assert.match(words, /^It is sent as HEVC \(H\.265\) and AV1, which this browser cannot play\./);
  assert.ok(!words.includes("AAC"));
  assert.match(whyUnplayable([], plays), /a format, which this browser cannot play/);
  assert.match(whyUnplayable(["zzzz.1"], plays), /zzzz\.1/);
});

test("who is behind the end of a broadcast sees the rest of it, who is not or has paused does not", () => {
  const behind = { mode: "hls", status: "playing", isMoving: true };
  assert.ok(hasMoreToShow(behind));
  for (const other of [{ mode: "webrtc" }, { mode: "dvr" }, { mode: null }, { status: "loading" }, { isMoving: false }]) {
    assert.ok(!hasMoreToShow({ ...behind, ...other }), JSON.stringify(other));
  }
});

test("a session that can load nothing more is kept as long as there is something to play", () => {
  const now = { mode: "hls", isMoving: true, aheadS: 2 };
  assert.ok(playsOn(now));
  assert.ok(playsOn({ ...now, mode: "recording" }));
  assert.ok(!playsOn({ ...now, aheadS: 0.1 }));
  assert.ok(!playsOn({ ...now, isMoving: false }));
  assert.ok(!playsOn({ ...now, mode: "webrtc" }));
});

test("who rewound is live again once they have caught up by speed", () => {
  assert.ok(hasCaughtUp({ mode: "dvr", rate: 2, behindMs: 4000 }));
  assert.ok(!hasCaughtUp({ mode: "dvr", rate: 1, behindMs: 4000 }));
  assert.ok(!hasCaughtUp({ mode: "dvr", rate: 2, behindMs: 60_000 }));
  assert.ok(!hasCaughtUp({ mode: "recording", rate: 2, behindMs: null }));
});
