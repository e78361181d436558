/** How much of an advertisement was seen, told in order and once; without a browser. */
import type { Ad } from "./calls";

export const QUARTERS = ["0", "25", "50", "75", "100"] as const;
export type Quarter = (typeof QUARTERS)[number];

export class Quarters {
  private next = 0;
  private before: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly ad: Ad,
    private readonly tell: (beacon: string) => Promise<unknown>,
  ) {}

  /** `share` of it, 0 to 1, was played. One that is refused is not told again, and the later ones are told all the same. */
  seen(share: number): void {
    while (this.next < QUARTERS.length && share >= this.next / 4) {
      const quarter = QUARTERS[this.next++] as Quarter;
      this.before = this.before.then(() => this.tell(this.ad.beacons[quarter]).catch(() => undefined));
    }
  }
}
