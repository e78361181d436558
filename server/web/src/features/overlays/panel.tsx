/** The addresses of the overlays, in the studio. */
import { useEffect, useState } from "preact/hooks";
import { RefreshIcon } from "../../ui/icons";
import { attempt } from "../../ui/sending";
import { CopyField } from "../../ui/copy-field";
import { getOverlayKey, rotateOverlayKey, type OverlayKey } from "./calls";
import { t } from "./words";

const PAGES = ["chat", "alerts", "poll", "goals"] as const;

export function OverlaysPanel() {
  const [isOpen, setOpen] = useState(false);
  const [key, setKey] = useState<OverlayKey | null>(null);
  useEffect(() => {
    if (isOpen && !key) void attempt(async () => setKey(await getOverlayKey()));
  }, [isOpen]);
  const rotate = async (): Promise<void> => {
    if (confirm(t("confirmNewKey"))) await attempt(async () => setKey(await rotateOverlayKey()), t("newKeyReady"));
  };
  return (
    <section class="panel" aria-labelledby="overlays-title">
      <h2 id="overlays-title">{t("overlays")}</h2>
      <p class="dim">{t("explained")}</p>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>{PAGES.map((page) => t(page)).join(" · ")}</summary>
        {key && PAGES.map((page) => <CopyField key={page} id={`overlay-${page}`} label={t(page)} value={key.urls[page] ?? ""} secret />)}
        {key && (
          <p>
            <a href="/settings/goals">{t("setGoals")}</a>
          </p>
        )}
        {key && (
          <button type="button" class="button" onClick={() => void rotate()}>
            <RefreshIcon /> {t("newKey")}
          </button>
        )}
      </details>
    </section>
  );
}
