/** Where a broadcast goes beside this server: the list with its states, and a form for another service. */
import { useEffect, useState } from "preact/hooks";
import { bitrate } from "../../ui/format";
import { Field, Spinner, useInterval } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { listRestreams, putRestream, removeRestream, type Restream } from "./calls";
import type en from "./en";
import "./restreams.css";
import { t } from "./words";

const POLL_MS = 3000;

const REASONS = {
  address: "reasonAddress",
  not_public: "reasonNotPublic",
  unreachable: "reasonUnreachable",
  timeout: "reasonTimeout",
  tls: "reasonTls",
  rejected: "reasonRejected",
  closed: "reasonClosed",
  too_slow: "reasonTooSlow",
  protocol: "reasonProtocol",
  codec: "reasonCodec",
} as const satisfies Record<string, keyof typeof en>;

const STATES = {
  waiting: "waiting",
  connecting: "connecting",
  live: "live",
  retrying: "retrying",
  refused: "refused",
} as const satisfies Record<Restream["state"], keyof typeof en>;

const isReason = (name: string): name is keyof typeof REASONS => name in REASONS;

export function RestreamsPanel({ streamId }: { streamId: string | null }) {
  const [restreams, setRestreams] = useState<Restream[] | null>(null);
  const load = async (): Promise<void> => {
    const found = await listRestreams(streamId).catch(() => null);
    if (found) setRestreams(found.items);
  };
  useEffect(() => void load(), [streamId]);
  useInterval(() => void load(), POLL_MS, streamId !== null && Boolean(restreams?.length));
  const remove = (one: Restream): Promise<void> =>
    attempt(() => removeRestream(one.is_default ? null : streamId, one.name).then(load), t("removed"));
  return (
    <section class="panel" aria-labelledby="restreams-title">
      <h2 id="restreams-title">{t("restreams")}</h2>
      <p class="dim">{t("explained")}</p>
      {!restreams && <Spinner />}
      {restreams?.length === 0 && <p>{t("none")}</p>}
      {restreams && restreams.length > 0 && (
        <ul class="restreams">
          {restreams.map((one) => (
            <li key={one.name}>
              <Row restream={one} onRemove={() => void remove(one)} />
            </li>
          ))}
        </ul>
      )}
      <details>
        <summary>{t("add")}</summary>
        <AddForm streamId={streamId} onAdded={load} />
      </details>
    </section>
  );
}

function stateOf(one: Restream): string {
  const words = [t(STATES[one.state])];
  if (one.state === "live") words.push(bitrate(one.bitrate));
  if (one.next_try_at) words.push(t("nextTry", { n: Math.max(0, Math.ceil((Date.parse(one.next_try_at) - Date.now()) / 1000)) }));
  if (one.dropped) words.push(t("dropped", { n: one.dropped }));
  if (one.is_default) words.push(t("always"));
  return words.join(" · ");
}

function Row({ restream, onRemove }: { restream: Restream; onRemove: () => void }) {
  const reason = isReason(restream.reason) ? REASONS[restream.reason] : null;
  return (
    <>
      <div>
        <strong>
          <bdi>{restream.name}</bdi>
        </strong>
        <p class="mono dim" dir="ltr">
          {restream.url}
        </p>
        <p>{stateOf(restream)}</p>
        {reason && restream.state !== "live" && <p class="warning">{t(reason)}</p>}
        {restream.detail && restream.state !== "live" && (
          <p class="dim">
            <bdi>{restream.detail}</bdi>
          </p>
        )}
      </div>
      <button type="button" class="button" aria-label={t("removeIt", { name: restream.name })} onClick={onRemove}>
        {t("remove")}
      </button>
    </>
  );
}

function AddForm({ streamId, onAdded }: { streamId: string | null; onAdded: () => Promise<void> }) {
  const { form, errors, busy, submit } = useSending(["name", "url", "stream_key"], async (data) => {
    const key = textOf(data, "stream_key").trim();
    const scope = data.get("only") ? streamId : null;
    await putRestream(scope, textOf(data, "name").trim(), { url: textOf(data, "url").trim(), stream_key: key || null });
    form.current?.reset();
    await onAdded();
  });
  return (
    <form class="stream-form" ref={form} onSubmit={submit} noValidate aria-label={t("add")}>
      <FormError text={errors["form"]} />
      <Field label={t("name")} name="name" error={errors["name"]} hint={t("nameHint")}>
        {(ids) => <input {...ids} name="name" maxLength={64} pattern="[A-Za-z0-9_\-]+" autocomplete="off" required />}
      </Field>
      <Field label={t("address")} name="url" error={errors["url"]} hint={t("addressHint")}>
        {(ids) => <input {...ids} name="url" dir="ltr" maxLength={1024} autocomplete="off" spellcheck={false} required />}
      </Field>
      <Field label={t("key")} name="stream_key" error={errors["stream_key"]} hint={t("keyHint")}>
        {(ids) => <input {...ids} name="stream_key" type="password" maxLength={512} autocomplete="off" />}
      </Field>
      {streamId && (
        <label class="choice">
          <input type="checkbox" name="only" /> <span>{t("onlyThis")}</span>
        </label>
      )}
      <button type="submit" class="button accent" disabled={busy}>
        {t("addIt")}
      </button>
    </form>
  );
}
