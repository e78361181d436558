/** The settings of webhooks: the list with their logs, a new one, and its secret, shown once. */
import { useEffect, useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { ago } from "../../ui/format";
import { CopyButton, Field, Spinner } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { addWebhook, listWebhooks, pingWebhook, removeWebhook, switchWebhook, type EventName, type Webhook } from "./calls";
import { DeliveryLog } from "./deliveries";
import { t } from "./words";
import "./webhooks.css";

/** Those that this version sends, by their names on the wire. */
const EVENTS = [
  "stream.started",
  "stream.interrupted",
  "stream.ended",
  "stream.health",
  "recording.ready",
  "chat.message",
  "chat.held",
  "poll.closed",
  "prediction.resolved",
  "follow.created",
  "raid",
] as const satisfies readonly EventName[];

const isEvent = (name: string): name is (typeof EVENTS)[number] => (EVENTS as readonly string[]).includes(name);

export default function Webhooks() {
  const [webhooks, setWebhooks] = useState<Webhook[] | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const load = async (): Promise<void> => setWebhooks((await listWebhooks()).items);
  useEffect(() => void load().catch((error: unknown) => toast(sentence(error), "bad")), []);
  const added = (made: string): Promise<void> => {
    setSecret(made);
    return load();
  };
  return (
    <div class="webhooks">
      {secret && <Secret secret={secret} onKept={() => setSecret(null)} />}
      <section class="panel" aria-labelledby="webhooks">
        <h2 id="webhooks">{t("webhooks")}</h2>
        <p class="dim">{t("explained")}</p>
        {!webhooks && <Spinner />}
        {webhooks?.length === 0 && <p>{t("none")}</p>}
        {webhooks && webhooks.length > 0 && (
          <ul class="webhooks-list">
            {webhooks.map((one) => (
              <li key={one.id}>
                <WebhookItem webhook={one} onChanged={load} />
              </li>
            ))}
          </ul>
        )}
      </section>
      <NewWebhookForm onAdded={added} />
    </div>
  );
}

function Secret({ secret, onKept }: { secret: string; onKept: () => void }) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), [secret]);
  return (
    <section class="panel" aria-labelledby="secret">
      <h2 id="secret" ref={title} tabIndex={-1}>
        {t("yourSecret")}
      </h2>
      <p>{t("shownOnce")}</p>
      <p class="webhooks-secret">
        <code class="mono" dir="ltr">
          {secret}
        </code>
        <CopyButton text={secret} label={t("copySecret")} />
      </p>
      <button type="button" class="button accent" onClick={onKept}>
        {t("kept")}
      </button>
    </section>
  );
}

function stateOf(one: Webhook): string {
  const words = [!one.active ? t("off") : one.failing_since ? t("failing", { ago: ago(one.failing_since) }) : t("well")];
  if (one.dropped) words.push(t("dropped", { n: one.dropped }));
  return words.join(" · ");
}

function WebhookItem({ webhook, onChanged }: { webhook: Webhook; onChanged: () => Promise<void> }) {
  const [isOpen, setOpen] = useState(false);
  const [round, setRound] = useState(0);
  const test = (): Promise<void> =>
    attempt(async () => {
      await pingWebhook(webhook.id);
      setOpen(true);
      setRound(round + 1);
    }, t("testSent"));
  const turn = (): Promise<void> => attempt(() => switchWebhook(webhook.id, !webhook.active).then(onChanged), t("switched"));
  const remove = async (): Promise<void> => {
    if (confirm(t("confirmRemove"))) await attempt(() => removeWebhook(webhook.id).then(onChanged), t("removed"));
  };
  return (
    <>
      <p class="mono webhooks-url" dir="ltr">
        {webhook.url}
      </p>
      <p dir="ltr" class="dim">
        {webhook.events.join(" · ")}
      </p>
      <p class={webhook.active && !webhook.failing_since ? undefined : "warning"}>{stateOf(webhook)}</p>
      {!webhook.active && <p class="dim">{t("offText")}</p>}
      <div class="webhooks-verbs">
        {webhook.active && (
          <button type="button" class="button" aria-label={t("testIt", { url: webhook.url })} onClick={() => void test()}>
            {t("test")}
          </button>
        )}
        <button type="button" class="button" onClick={() => void turn()}>
          {t(webhook.active ? "switchOff" : "switchOn")}
        </button>
        <button type="button" class="button danger" aria-label={t("removeIt", { url: webhook.url })} onClick={() => void remove()}>
          {t("remove")}
        </button>
      </div>
      <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>{t("log")}</summary>
        {isOpen && <DeliveryLog key={round} webhook={webhook} />}
      </details>
    </>
  );
}

function NewWebhookForm({ onAdded }: { onAdded: (secret: string) => Promise<void> }) {
  const { form, errors, busy, submit } = useSending(["url", "events"], async (data) => {
    const events = data.getAll("events").map(String).filter(isEvent);
    const made = await addWebhook({ url: textOf(data, "url").trim(), events });
    form.current?.reset();
    await onAdded(made.secret);
  });
  return (
    <form class="panel" ref={form} onSubmit={submit} noValidate aria-label={t("add")}>
      <h2>{t("add")}</h2>
      <FormError text={errors["form"]} />
      <Field label={t("address")} name="url" error={errors["url"]} hint={t("addressHint")}>
        {(ids) => <input {...ids} name="url" type="url" dir="ltr" maxLength={1024} autocomplete="off" spellcheck={false} required />}
      </Field>
      <fieldset class="choice webhooks-events" aria-describedby={errors["events"] ? "events-error" : undefined}>
        <legend>{t("events")}</legend>
        {EVENTS.map((event) => (
          <label key={event}>
            <input type="checkbox" name="events" value={event} defaultChecked={event === "stream.started"} aria-invalid={Boolean(errors["events"])} />
            <code dir="ltr">{event}</code>
          </label>
        ))}
        {errors["events"] && (
          <p class="error" id="events-error">
            {errors["events"]}
          </p>
        )}
      </fieldset>
      <button type="submit" class="button accent" disabled={busy}>
        {t("addIt")}
      </button>
    </form>
  );
}
