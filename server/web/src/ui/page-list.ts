/** A list that is read page by page, without a browser. */
import { signal } from "@preact/signals";
import type { Page } from "../api/types";

/** `items` is null until the first page is there. */
export interface Listed<T> {
  items: T[] | null;
  next: string | null;
  failure: unknown;
}

/** Gets the cursor, empty for the first page. */
export type Read<T> = (cursor: string) => Promise<Page<T>>;

export class PageList<T extends { id: string }> {
  readonly state = signal<Listed<T>>({ items: null, next: null, failure: null });
  #read: Read<T> | null = null;
  #latest = 0;

  /** Begin anew. The answer to an earlier question is let go. */
  async begin(read: Read<T>): Promise<void> {
    this.#read = read;
    this.#change({ items: null });
    await this.#ask([], "");
  }

  /** Add the next page; after a failure the same one again. */
  async more(): Promise<void> {
    const { items, next } = this.state.peek();
    await this.#ask(items ?? [], next ?? "");
  }

  replace(item: T): void {
    const { items } = this.state.peek();
    this.#change({ items: items && items.map((one) => (one.id === item.id ? item : one)) });
  }

  /** Nobody looks any more: no answer changes anything from here on. */
  close(): void {
    this.#latest += 1;
  }

  async #ask(before: T[], cursor: string): Promise<void> {
    const number = ++this.#latest;
    try {
      const answer = await this.#read?.(cursor);
      if (answer && number === this.#latest) this.#change({ items: [...before, ...answer.items], next: answer.next, failure: null });
    } catch (failure) {
      if (number === this.#latest) this.#change({ failure });
    }
  }

  #change(changed: Partial<Listed<T>>): void {
    this.state.value = { ...this.state.peek(), ...changed };
  }
}
