/** A broadcast that is fetched from another server instead of being sent by an encoder. */
import { useState } from "preact/hooks";
import { bitrate } from "../../ui/format";
import { Field, useInterval } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { putSource, readSource, removeSource, type Source } from "./calls";
import { STATES } from "./states";
import { t } from "./words";

const POLL_MS = 4000;

export function SourcePanel({ streamId }: { streamId: string }) {
  const [source, setSource] = useState<Source | null>(null);
  const load = async (): Promise<void> => setSource(await readSource(streamId));
  const reload = (): void => void load().catch(() => undefined);
  useInterval(reload, POLL_MS, source !== null);
  const { form, errors, busy, submit } = useSending(["url"], async (data) => {
    setSource(await putSource(streamId, textOf(data, "url").trim()));
    form.current?.reset();
  });
  const remove = (): Promise<void> => attempt(() => removeSource(streamId).then(load), t("removed"));
  return (
    <details class="panel" onToggle={(event) => event.currentTarget.open && reload()}>
      <summary>
        <h2>{t("source")}</h2>
      </summary>
      <p class="dim">{t("sourceText")}</p>
      {source && (
        <div class="source-row">
          <div>
            <p class="mono dim" dir="ltr">
              {source.url}
            </p>
            <p role="status">{source.state === "live" ? `${t("live")} · ${bitrate(source.bitrate)}` : t(STATES[source.state])}</p>
            {source.detail && source.state !== "live" && (
              <p class="warning">
                <bdi>{source.detail}</bdi>
              </p>
            )}
          </div>
          <button type="button" class="button" onClick={() => void remove()}>
            {t("stopFetch")}
          </button>
        </div>
      )}
      <form class="stream-form" ref={form} onSubmit={submit} noValidate aria-label={t("source")}>
        <FormError text={errors["form"]} />
        <Field label={t("address")} name="url" error={errors["url"]} hint={t("addressHint")}>
          {(ids) => <input {...ids} name="url" dir="ltr" maxLength={1024} autocomplete="off" spellcheck={false} required />}
        </Field>
        <button type="submit" class="button accent" disabled={busy}>
          {t("fetch")}
        </button>
      </form>
    </details>
  );
}
