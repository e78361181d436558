/** A list that is read page by page. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Page } from "../api/types";

export interface Pages<T> {
  items: T[] | null;
  next: string | null;
  failure: unknown;
  /** Add the next page. */
  more: () => void;
  replace: (item: T) => void;
}

/** `read` gets the cursor, empty for the first page, which is read again when `asked` changes. An answer to an earlier question is let go. */
export function usePages<T extends { id: string }>(read: (cursor: string) => Promise<Page<T>>, asked: readonly string[]): Pages<T> {
  const [items, setItems] = useState<T[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const latest = useRef(0);
  const ask = async (before: T[], cursor: string): Promise<void> => {
    const number = ++latest.current;
    try {
      const answer = await read(cursor);
      if (number !== latest.current) return;
      setItems([...before, ...answer.items]);
      setNext(answer.next);
      setFailure(null);
    } catch (error) {
      if (number === latest.current) setFailure(error);
    }
  };
  useEffect(() => {
    setItems(null);
    void ask([], "");
    return () => void latest.current++;
  }, [...asked]);
  const replace = (item: T): void => setItems((shown) => shown && shown.map((one) => (one.id === item.id ? item : one)));
  return { items, next, failure, more: () => void ask(items ?? [], next ?? ""), replace };
}
