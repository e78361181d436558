/** When a viewer comes to a pause of the stream: at its place in the media, also after they have rewound. */
import type { Mark } from "../player/hls";

/** A player tells where it is several times a second; what is further ahead was jumped to. */
const STEP_S = 2;
/** The playlist may name a pause so much later than it is played. */
const LATE_S = 6;

export class Pauses {
  private before: number | null = null;
  private known: Set<string> | null = null;

  /** The pause to which the player has come since the last call, if there is one. `at`: where it is, in seconds. */
  due(at: number, marks: Mark[]): string | null {
    const { before, known } = this;
    const playsOn = before !== null && at >= before && at - before <= STEP_S;
    this.before = at;
    this.known = new Set(marks.map(({ id }) => id));
    if (!playsOn) return null;
    const since = (id: string): number => (known === null || known.has(id) ? before : at - LATE_S);
    return marks.find((mark) => mark.kind === "ad_break" && mark.at <= at && mark.at > since(mark.id))?.id ?? null;
  }
}
