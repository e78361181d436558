/** How OBS is set up to encode several renditions itself: the options that it is started with, or a text to paste. */
import { useState } from "preact/hooks";
import { obsConfiguration } from "./calls";
import { CopyField } from "../../ui/copy-field";
import { sentence } from "../../api/http";
import { t } from "./words";

export function MultitrackHelp() {
  const [override, setOverride] = useState<string | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const open = (event: Event): void => {
    if (!(event.currentTarget as HTMLDetailsElement).open || override) return;
    obsConfiguration().then(
      (found) => setOverride(JSON.stringify(found)),
      (error) => setFailure(sentence(error)),
    );
  };
  return (
    <details class="howto" onToggle={open}>
      <summary>{t("obsSeveral")}</summary>
      <p class="dim">{t("obsSeveralText")}</p>
      <p>{t("obsSeveralStart")}</p>
      <CopyField id="obs-options" label={t("obsSeveralOptions")} value={`--config-url ${location.origin}/api/v1/ingest/obs`} />
      <p>{t("obsSeveralPaste")}</p>
      {failure && <p class="form-error">{failure}</p>}
      {override && <CopyField id="obs-override" label={t("obsSeveralOverride")} value={override} />}
    </details>
  );
}
