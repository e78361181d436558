/** A list that is read page by page, in a component. */
import { useEffect, useState } from "preact/hooks";
import { PageList, type Listed, type Read } from "./page-list";

export interface Pages<T> extends Listed<T> {
  /** Add the next page. */
  more: () => void;
  replace: (item: T) => void;
}

/** The first page is read again when `asked` changes. */
export function usePages<T extends { id: string }>(read: Read<T>, asked: readonly string[]): Pages<T> {
  const [list] = useState(() => new PageList<T>());
  useEffect(() => {
    void list.begin(read);
    return () => list.close();
  }, [...asked]);
  return { ...list.state.value, more: () => void list.more(), replace: (item) => list.replace(item) };
}
