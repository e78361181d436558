import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "./words";

/** A dialog that closes by Escape and by its button. */
export function Window({ title, children, onDone }: { title: string; children: ComponentChildren; onDone: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog class="dialog rooms-window" ref={dialog} onClose={onDone} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
      <div class="row">
        <button type="button" class="button" onClick={() => dialog.current?.close()}>
          {t("done")}
        </button>
      </div>
    </dialog>
  );
}
