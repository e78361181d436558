/** What is drawn behind the text of a document, letter under letter: carets of the others, and places of comments. */
import type { CSSProperties, RefObject } from "preact";
import { useEffect } from "preact/hooks";
import type { Thread } from "./calls";
import type { DocumentSync } from "./document-sync";
import { piecesOf, rangeOf } from "./places";

/** A longer text is not laid out a second time at every letter. */
const MAX_DRAWN = 200_000;

interface LayerProps {
  sync: DocumentSync;
  threads: Thread[];
  layer: RefObject<HTMLDivElement | null>;
}

export function Layer({ sync, threads, layer }: LayerProps) {
  const edits = sync.edits.value;
  useEffect(() => {
    const area = layer.current?.nextElementSibling;
    if (area) layer.current?.scrollTo(0, area.scrollTop);
  }, [edits]);
  if (sync.text.length > MAX_DRAWN) return null;
  const ranges = new Map(threads.flatMap((one) => {
    const range = rangeOf(sync.doc, one.place);
    return range && !one.resolved_at ? [[one.id, range]] : [];
  }));
  return (
    <div class="document-layer" ref={layer} aria-hidden="true">
      {piecesOf(sync.text.toString(), ranges, sync.carets.value).map((piece, n) => (
        <span key={n}>
          {piece.carets.map((caret, at) => (
            <span key={at} class="document-caret" data-name={caret.name} style={{ "--h": caret.hue } as CSSProperties} />
          ))}
          {piece.comments.length > 0 ? <mark>{piece.text}</mark> : piece.text}
        </span>
      ))}
      {"\n"}
    </div>
  );
}
