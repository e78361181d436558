/** The text of a document, with the carets of the others and the places of comments drawn behind it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { me } from "../../api/session";
import { listed } from "../../ui/format";
import type { Role, Thread } from "./calls";
import { Comments } from "./document-comments";
import { Layer } from "./document-layer";
import { DocumentSync } from "./document-sync";
import { moved, write } from "./shared-text";
import { t } from "./words";

export function Editor({ id, role }: { id: string; role: Role }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const [sync, setSync] = useState<DocumentSync | null>(null);
  const [threads, setThreads] = useState<Thread[]>([]);
  useEffect(() => {
    const made = new DocumentSync(id, me.value?.display_name ?? "");
    made.text.observe((event, transaction) => {
      const area = field.current;
      if (!area || transaction.local) return;
      const caret = [moved(area.selectionStart, event.delta), moved(area.selectionEnd, event.delta)] as const;
      area.value = made.text.toString();
      if (document.activeElement === area) area.setSelectionRange(...caret);
    });
    setSync(made);
    return () => made.close();
  }, [id]);
  const told = (): void => sync?.place(field.current && document.activeElement === field.current ? field.current.selectionEnd : null);
  return (
    <>
      <State sync={sync} />
      <div class="document-field">
        {sync && <Layer sync={sync} threads={threads} layer={layer} />}
        <textarea
          ref={field}
          class="document-text"
          dir="auto"
          rows={20}
          aria-label={t("text")}
          readOnly={!sync?.mayWrite.value}
          onInput={(event) => {
            if (sync) write(sync.text, event.currentTarget.value);
            told();
          }}
          onScroll={(event) => layer.current?.scrollTo(0, event.currentTarget.scrollTop)}
          onSelect={told}
          onKeyUp={told}
          onPointerUp={told}
          onFocus={told}
          onBlur={() => sync?.place(null)}
        />
      </div>
      {sync && <Comments id={id} role={role} sync={sync} field={field} threads={threads} setThreads={setThreads} />}
    </>
  );
}

function State({ sync }: { sync: DocumentSync | null }) {
  const state = sync?.state.value ?? "opening";
  const names = sync?.people.value ?? [];
  return (
    <>
      <p class="document-state" role="status">
        {state === "refused" ? t("refused", { why: sync?.why.value ?? "" }) : state === "opening" ? "" : t(state)}
        {state === "saved" && !sync?.mayWrite.value && ` · ${t("readOnly")}`}
      </p>
      {names.length > 0 && <p class="muted">{t("here", { names: listed(names) })}</p>}
    </>
  );
}
