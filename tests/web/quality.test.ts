import assert from "node:assert/strict";
import { test } from "node:test";
import { renditionOf } from "@web/features/player/hls";
import type { Playback, Rendition, Watchable } from "@web/features/player/playback";
import { qualities, whyThis } from "@web/features/player/quality";

const rendition = (name: string, width: number, height: number, fps = 30, state: Rendition["state"] = "ready"): Rendition => ({
  name, width, height, fps, state, bitrate: 1_000_000, codecs: "avc1.4d401f",
});

const RENDITIONS = [rendition("source", 1920, 1080, 60, "live"), rendition("720p", 1280, 720, 60), rendition("480p", 854, 480, 60, "off"), rendition("audio", 0, 0, 0, "live")];
const stream = (renditions?: Rendition[]): Watchable => ({ playback: { ...(renditions ? { renditions } : {}) } }) as unknown as Watchable;

const playback = (now: { names?: string[]; quality?: string; mode?: string; shown?: string; bandwidth?: number } = {}): Playback =>
  ({
    levels: { value: (now.names ?? []).map((name, index) => ({ index, name })) },
    quality: { value: now.quality ?? null },
    mode: { value: now.mode ?? "hls" },
    shown: { value: now.shown ?? null },
    bandwidth: now.bandwidth ?? null,
  }) as unknown as Playback;

test("the menu has what can be had, the best first, with the frames where they are many", () => {
  const offered = qualities(stream(RENDITIONS), playback());
  assert.deepEqual(offered.map(([name, label]) => [name, label]), [["source", "1080p60"], ["720p", "720p60"], ["audio", "Audio only"]]);
  assert.equal(offered[0]?.[2], "As it is sent");
});

test("an upright picture is named by its shorter side", () => {
  assert.equal(qualities(stream([rendition("720p", 720, 1280)]), playback())[0]?.[1], "720p");
});

test("what this browser cannot decode is not offered, and the sound always is", () => {
  const offered = qualities(stream(RENDITIONS), playback({ names: ["720p"] }));
  assert.deepEqual(offered.map(([name]) => name), ["720p", "audio"]);
});

test("a clip or a server of before has no qualities", () => {
  assert.deepEqual(qualities(stream(), playback()), []);
});

test("the automatic choice says what it is and why", () => {
  assert.match(whyThis(stream(RENDITIONS), playback({ shown: "720p", bandwidth: 3_140_000 })), /^720p60: .* 3\.1 Mbit/);
  assert.match(whyThis(stream(RENDITIONS), playback({ mode: "webrtc" })), /WebRTC/);
  const plain = whyThis(stream(RENDITIONS), playback({ quality: "720p", shown: "720p", bandwidth: 1 }));
  assert.doesNotMatch(plain, /Mbit/);
});

test("a rendition is known by its playlist's address", () => {
  assert.equal(renditionOf("http://x/hls/1/video.m3u8?dvr=1"), "source");
  assert.equal(renditionOf("/hls/1/480p.m3u8"), "480p");
  assert.equal(renditionOf("/hls/1/other"), "source");
});
