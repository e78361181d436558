/** The person's own addresses and key, for OBS and every other encoder. */
import { useEffect, useState } from "preact/hooks";
import { myIngest, rotateIngest } from "./calls";
import { CopyField } from "../../ui/copy-field";
import { MultitrackHelp } from "./multitrack";
import { sentence } from "../../api/http";
import type { Ingest } from "../../api/types";
import { RefreshIcon } from "../../ui/icons";
import { Spinner } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { t } from "./words";

export function IngestPanel() {
  const [ingest, setIngest] = useState<Ingest | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    myIngest().then(setIngest, (error) => setFailure(sentence(error)));
  }, []);

  const rotate = async (): Promise<void> => {
    if (!confirm(t("confirmNewKey"))) return;
    try {
      setIngest(await rotateIngest());
      toast(t("newKeyReady"), "good");
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };

  if (failure) return <p class="form-error">{failure}</p>;
  if (!ingest) return <Spinner />;
  return (
    <section class="panel" aria-labelledby="ingest-title">
      <h2 id="ingest-title">{t("encoderSettings")}</h2>
      <p class="dim">{t("encoderText")}</p>
      <CopyField id="ingest-server" label={t("server")} value={ingest.rtmp_url} />
      <CopyField id="ingest-key" label={t("key")} value={ingest.stream_key} secret />
      <CopyField id="ingest-whip" label={t("whip")} value={ingest.whip_url} />
      <p class="dim">{t("backupHint")}</p>
      <button type="button" class="button" onClick={() => void rotate()}>
        <RefreshIcon /> {t("newKey")}
      </button>
      <details class="howto" open>
        <summary>{t("obsSteps")}</summary>
        <ol class="steps">
          <li>{t.rich("obsStream", { lead: <b>{t("obsStreamLead")}</b> })}</li>
          <li>{t.rich("obsOutput", { lead: <b>{t("obsOutputLead")}</b> })}</li>
          <li>{t.rich("obsApply", { lead: <b>{t("obsApplyLead")}</b> })}</li>
          <li>{t.rich("obsNotices", { lead: <b>{t("obsNoticesLead")}</b> })}</li>
        </ol>
        <p class="dim">{t("obsWhip")}</p>
      </details>
      <MultitrackHelp />
    </section>
  );
}
