/** How a document was: its versions by time, each to be read, and to be restored as an edit that everybody is sent. */
import { useState } from "preact/hooks";
import { when } from "../../ui/format";
import { attempt } from "../../ui/sending";
import { restoreVersion, type Version, versionsOf, versionText } from "./calls";
import { t } from "./words";

interface Shown extends Version {
  text: string;
}

export function History({ id, mayRestore }: { id: string; mayRestore: boolean }) {
  const [items, setItems] = useState<Version[] | null>(null);
  const [shown, setShown] = useState<Shown | null>(null);
  const read = async (): Promise<void> => setItems(await versionsOf(id));
  const open = (event: Event): void => {
    if ((event.currentTarget as HTMLDetailsElement).open) void attempt(read);
  };
  const restore = async (one: Version): Promise<void> => {
    if (!confirm(t("restoreSure", { at: when(one.at) }))) return;
    await restoreVersion(id, one.seq);
    setShown(null);
    await read();
  };
  return (
    <details class="document-history" onToggle={open}>
      <summary>{t("history")}</summary>
      {items?.length === 0 && <p class="muted">{t("noHistory")}</p>}
      <ul class="project-list">
        {items?.map((one) => (
          <li key={one.seq}>
            <button
              type="button"
              class="button"
              aria-pressed={shown?.seq === one.seq}
              onClick={() => void attempt(async () => setShown({ ...one, text: await versionText(id, one.seq) }))}
            >
              {when(one.at)}
            </button>
          </li>
        ))}
      </ul>
      {shown && (
        <section aria-label={t("versionOf", { at: when(shown.at) })}>
          <h2>{t("versionOf", { at: when(shown.at) })}</h2>
          <pre class="document-version" dir="auto" tabIndex={0}>
            {shown.text}
          </pre>
          {mayRestore && (
            <button type="button" class="button" onClick={() => void attempt(() => restore(shown))}>
              {t("restore")}
            </button>
          )}
        </section>
      )}
    </details>
  );
}
