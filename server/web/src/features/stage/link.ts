/** The two connections of a place: what is sent, and what is seen and heard. Both come back by themselves. */
import { effect, signal } from "@preact/signals";
import { WhepSession } from "../player/whep";
import { Broadcast } from "../studio/broadcast";
import type { Place } from "./calls";

const AGAIN_MS = 1500;

export class StageLink {
  readonly sending = new Broadcast();
  readonly isSeeing = signal(false);
  readonly wasLost = signal(false);
  #place: Place;
  #media: MediaStream;
  #video: HTMLVideoElement;
  #session: WhepSession | null = null;
  #timers = new Set<ReturnType<typeof setTimeout>>();
  #isOver = false;
  #unwatch: () => void;

  constructor(place: Place, media: MediaStream, video: HTMLVideoElement) {
    this.#place = place;
    this.#media = media;
    this.#video = video;
    void this.#send();
    void this.#see();
    // What has given up after a while is begun anew: the place is kept.
    this.#unwatch = effect(() => {
      const status = this.sending.status.value;
      if (status === "reconnecting") this.wasLost.value = true;
      if (status === "live" && this.isSeeing.value) this.wasLost.value = false;
      if (status === "failed") this.#later(() => void this.#send());
    });
  }

  async close(): Promise<void> {
    this.#isOver = true;
    this.#unwatch();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#session?.close();
    await this.sending.stop();
  }

  async #send(): Promise<void> {
    if (this.#isOver) return;
    try {
      await this.sending.start(this.#media, { whipUrl: this.#place.whip, key: this.#place.secret });
    } catch {
      this.#later(() => void this.#send());
    }
  }

  async #see(): Promise<void> {
    if (this.#isOver) return;
    const session = new WhepSession();
    this.#session = session;
    const lost = (): void => {
      if (this.#session !== session || this.#isOver) return;
      this.isSeeing.value = false;
      this.wasLost.value = true;
      session.close();
      this.#later(() => void this.#see());
    };
    try {
      await session.start(this.#place.whep, this.#video, lost, { Authorization: `Bearer ${this.#place.secret}` });
      this.isSeeing.value = true;
    } catch {
      lost();
    }
  }

  #later(work: () => void): void {
    if (this.#isOver) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, AGAIN_MS);
    this.#timers.add(timer);
  }
}
