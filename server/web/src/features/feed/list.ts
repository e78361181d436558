/** The list of a feed, without a browser: pages that follow one another, and how many items are new. */
import { signal } from "@preact/signals";

/** So many items are kept; then the list ends with a way back to the newest. */
export const MOST = 400;

export interface Listed<T> {
  /** Null until the first page is there. */
  items: T[] | null;
  next: string | null;
  failure: unknown;
  isBusy: boolean;
  /** New items that are not in the list. */
  fresh: number;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export class FeedList<T> {
  readonly state = signal<Listed<T>>({ items: null, next: null, failure: null, isBusy: false, fresh: 0 });
  /** Where its reader was, in pixels from the top. */
  place = 0;
  #latest = 0;

  constructor(
    private readonly read: (cursor: string) => Promise<Page<T>>,
    private readonly keyOf: (item: T) => string,
  ) {}

  /** Read the first page; what is shown stays until it is there. */
  async begin(): Promise<void> {
    await this.#ask("");
  }

  /** Add the next page: nothing while one is on its way, at the end, and for a list that is full. */
  async more(): Promise<void> {
    const { items, next, isBusy } = this.state.peek();
    if (items && next && !isBusy && !this.isFull) await this.#ask(next);
  }

  get isFull(): boolean {
    return (this.state.value.items?.length ?? 0) >= MOST;
  }

  /** Put one at the front that its author has just published; the first page brings it by itself. */
  put(item: T): void {
    const { items } = this.state.peek();
    if (items && !items.some((one) => this.keyOf(one) === this.keyOf(item))) this.#change({ items: [item, ...items] });
  }

  /** Put what has become of an item in its place; null drops it. */
  replace(item: T, by: T | null): void {
    const { items } = this.state.peek();
    const key = this.keyOf(item);
    this.#change({ items: items && items.flatMap((one) => (this.keyOf(one) !== key ? [one] : by === null ? [] : [by])) });
  }

  arrived(count: number): void {
    this.#change({ fresh: this.state.peek().fresh + count });
  }

  /** How many of the items that count the first page has before the first one that is in the list: what came while
   * nothing was heard. Null for a list that has not been read, and when the page does not come. */
  async missed(counts: (item: T) => boolean = () => true): Promise<number | null> {
    const { items } = this.state.peek();
    if (!items) return null;
    const known = new Set(items.map(this.keyOf));
    try {
      const page = (await this.read("")).items.filter(counts);
      const first = page.findIndex((one) => known.has(this.keyOf(one)));
      return first < 0 ? page.length : first;
    } catch {
      return null;
    }
  }

  /** So many are new, however many were told of before. */
  expect(count: number): void {
    this.#change({ fresh: count });
  }

  async #ask(cursor: string): Promise<void> {
    const number = ++this.#latest;
    const fresh = cursor ? {} : { fresh: 0 };
    this.#change({ isBusy: true, failure: null });
    try {
      const page = await this.read(cursor);
      if (number !== this.#latest) return;
      const before = cursor ? (this.state.peek().items ?? []) : [];
      const known = new Set(before.map(this.keyOf));
      const items = [...before, ...page.items.filter((one) => !known.has(this.keyOf(one)))];
      this.#change({ items, next: page.next, isBusy: false, ...fresh });
    } catch (failure) {
      if (number === this.#latest) this.#change({ failure, isBusy: false });
    }
  }

  #change(changed: Partial<Listed<T>>): void {
    this.state.value = { ...this.state.peek(), ...changed };
  }
}
