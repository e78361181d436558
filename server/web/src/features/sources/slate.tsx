/** The picture that viewers see while the publisher is away: the person's own, or the server's. */
import { useEffect, useRef, useState } from "preact/hooks";
import { attempt } from "../../ui/sending";
import { readSlate, removeSlate, sendSlate } from "./calls";
import { t } from "./words";

const TYPES = "image/jpeg,image/png,image/gif,image/webp,image/avif";

export function SlatePanel() {
  const [url, setUrl] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const load = async (): Promise<void> => setUrl((await readSlate()).slate_url);
  useEffect(() => void load().catch(() => undefined), []);
  const send = (file: File | undefined): void => {
    if (file) void attempt(async () => setUrl((await sendSlate(file)).slate_url), t("saved"));
    if (input.current) input.current.value = "";
  };
  return (
    <details class="panel">
      <summary>
        <h2>{t("slate")}</h2>
      </summary>
      <p class="dim">{t("slateText")}</p>
      {url ? <img class="slate-shown" src={url} alt={t("slateAlt")} /> : <p>{t("slateOurs")}</p>}
      <div class="row">
        <label class="button">
          {t("slateChoose")}
          <input ref={input} class="visually-hidden" type="file" accept={TYPES} onChange={(event) => send(event.currentTarget.files?.[0])} />
        </label>
        {url && (
          <button type="button" class="button" onClick={() => void attempt(() => removeSlate().then(load), t("removed"))}>
            {t("slateRemove")}
          </button>
        )}
      </div>
    </details>
  );
}
