/** Captions that the browser writes over the picture: hls.js and Safari list those of HLS as text tracks. */
import { signal } from "@preact/signals";

/** What is needed of a list of text tracks. */
export interface Tracks extends EventTarget, Iterable<Pick<TextTrack, "kind" | "label" | "mode">> {}

export class Captions {
  /** The labels of what there is, in the order of its coming. */
  readonly offered = signal<string[]>([]);
  /** The label that was chosen; null shows none. */
  readonly shown = signal<string | null>(null);
  #tracks: Tracks;

  constructor(tracks: Tracks, until: AbortSignal) {
    this.#tracks = tracks;
    for (const event of ["addtrack", "removetrack"]) tracks.addEventListener(event, () => this.#changed(), { signal: until });
    this.#changed();
  }

  choose(label: string | null): void {
    this.shown.value = label;
    this.#apply();
  }

  /** What was chosen is shown as soon as it is there, also after a new start. */
  #changed(): void {
    this.offered.value = [...new Set(this.#captions().map((track) => track.label))];
    this.#apply();
  }

  /** Hidden tracks still get their lines, so that a choice shows at once. */
  #apply(): void {
    for (const track of this.#captions()) track.mode = track.label === this.shown.peek() ? "showing" : "hidden";
  }

  #captions(): Pick<TextTrack, "kind" | "label" | "mode">[] {
    return [...this.#tracks].filter(({ kind }) => kind === "captions" || kind === "subtitles");
  }
}
