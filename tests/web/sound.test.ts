import assert from "node:assert/strict";
import { test } from "node:test";
import { Sound, type Sounding } from "@web/features/player/sound";

/** An element under a browser's autoplay rules: sound needs a person, and WebKit pauses what is put on without one. */
class Element extends EventTarget implements Sounding {
  paused = true;
  allowsSound = false;
  pausesOnUnmute = false;
  #muted = false;

  get muted(): boolean {
    return this.#muted;
  }

  set muted(muted: boolean) {
    this.#muted = muted;
    if (!muted && this.pausesOnUnmute) this.pause();
    this.dispatchEvent(new Event("volumechange"));
  }

  async play(): Promise<void> {
    if (!this.#muted && !this.allowsSound) throw new DOMException("no", "NotAllowedError");
    this.paused = false;
  }

  pause(): void {
    this.paused = true;
    this.dispatchEvent(new Event("pause"));
  }
}

function made(more: Partial<Element> = {}) {
  const video = Object.assign(new Element(), more);
  let now = 1000;
  const sound = new Sound(video, new AbortController().signal, () => now);
  return { video, sound, pass: (ms: number) => (now += ms) };
}
const settled = (): Promise<void> => new Promise((done) => setImmediate(done));

test("a browser that refuses sound gets a silent start", async () => {
  const { video, sound } = made();
  await sound.play();
  assert.deepEqual([video.paused, video.muted, sound.silenced.value], [false, true, true]);
});

test("a browser that allows sound is not silenced", async () => {
  const { video, sound } = made({ allowsSound: true });
  await sound.play();
  assert.deepEqual([video.paused, video.muted, sound.silenced.value], [false, false, false]);
});

test("Play brings the sound that the browser had refused", async () => {
  const { video, sound, pass } = made();
  await sound.play();
  pass(5000);
  video.pause();
  video.allowsSound = true;
  await sound.resume();
  assert.deepEqual([video.paused, video.muted, sound.silenced.value], [false, false, false]);
});

test("Play leaves an element silent that a person has muted", async () => {
  const { video, sound } = made({ allowsSound: true });
  video.muted = true;
  await sound.resume();
  assert.deepEqual([video.paused, video.muted], [false, true]);
});

test("sound put on by the browser's own controls ends the hint", async () => {
  const { video, sound } = made();
  await sound.play();
  video.allowsSound = true;
  video.muted = false;
  assert.equal(sound.silenced.value, false);
});

test("an element that the browser pauses when its sound is put on goes on playing", async () => {
  const { video, sound } = made({ pausesOnUnmute: true });
  await sound.play();
  video.allowsSound = true;
  video.muted = false;
  await settled();
  assert.deepEqual([video.paused, video.muted], [false, false]);
});

test("a pause that the browser reports after the sound is taken back as well", async () => {
  const { video, sound, pass } = made();
  await sound.play();
  video.allowsSound = true;
  video.muted = false;
  pass(100);
  video.pause();
  await settled();
  assert.equal(video.paused, false);
});

test("what a person has paused stays paused when its sound is put on", async () => {
  const { video, sound, pass } = made();
  await sound.play();
  pass(5000);
  video.pause();
  pass(5000);
  video.allowsSound = true;
  video.muted = false;
  await settled();
  assert.equal(video.paused, true);
});

test("a pause some time after the sound came back is a person's", async () => {
  const { video, sound, pass } = made();
  await sound.play();
  video.allowsSound = true;
  video.muted = false;
  pass(2000);
  video.pause();
  await settled();
  assert.equal(video.paused, true);
});
