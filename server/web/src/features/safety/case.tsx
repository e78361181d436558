/** One case: what was reported, by whom, what was decided, and what a moderator decides now. */
import { useEffect, useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { listed, percent, when } from "../../ui/format";
import { Field, Spinner } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { ACTIONS, actOnCase, claimCase, getCase, releaseCase, revertCase, type Action, type WholeCase } from "./calls";
import { useKeys } from "./cases";
import { Notes } from "./notes";
import { Templates } from "./templates";
import { t } from "./words";

const LABELS = { toxicity: "toxicity", spam: "spam", word: "bannedWord", repeats: "repeats" } as const;

interface Props {
  id: string;
  /** It was decided: the next one is to be shown. */
  onDone: () => void;
  onChange: () => void;
}

export function CaseWork({ id, onDone, onChange }: Props) {
  const [found, setFound] = useState<WholeCase | null>(null);
  const [failure, setFailure] = useState("");
  const read = (): Promise<void> => getCase(id).then(setFound, (error) => setFailure(sentence(error)));
  useEffect(() => void read(), [id]);
  const claim = (): void =>
    void attempt(async () => {
      await (found?.claimed_by ? releaseCase(id) : claimCase(id));
      await read();
      onChange();
    });
  useKeys({ c: claim });
  if (failure) return <p role="status">{failure}</p>;
  if (!found) return <Spinner />;
  return (
    <article class="panel case" aria-label={`${t(found.kind)}: ${t(found.reason)}`}>
      <header class="cases-head">
        <span class={`tag cases-${found.severity}`}>{t(found.severity)}</span> <b>{t(found.kind)}</b> · {t(found.reason)} · {t(found.state)}
      </header>
      <Evidence of={found} />
      <Hints of={found} />
      <Reports of={found} />
      <Acts of={found} />
      <Notes of={found} onWritten={read} />
      {found.state === "closed" ? (
        <button
          type="button"
          class="button"
          onClick={() =>
            void attempt(async () => {
              setFound(await revertCase(id));
              onChange();
            }, t("reverted"))
          }
        >
          {t("revert")}
        </button>
      ) : (
        <>
          <button type="button" class="button" onClick={claim}>
            {found.claimed_by ? t("release") : t("claim")}
          </button>
          <Decision
            of={found}
            onDecided={() => {
              onChange();
              onDone();
            }}
          />
        </>
      )}
    </article>
  );
}

/** What the server's own judges found, with their scores. */
function Labels({ of }: { of: WholeCase }) {
  const { labels } = (of.evidence["screening"] ?? {}) as { labels?: Record<string, number> };
  if (!labels) return null;
  const found = Object.entries(labels).map(([name, score]) => `${name in LABELS ? t(LABELS[name as keyof typeof LABELS]) : name} ${percent(score)}`);
  return (
    <p>
      {t("screening")}: {found.join(" · ")}
    </p>
  );
}

/** Pictures are blurred until the moderator wants to see them; `b` does it too. */
function Pictures({ of }: { of: readonly string[] }) {
  const [isBlurred, setBlurred] = useState(true);
  useKeys({ b: () => setBlurred(!isBlurred) });
  return (
    <>
      <button type="button" class="button" aria-pressed={!isBlurred} onClick={() => setBlurred(!isBlurred)}>
        {t(isBlurred ? "unblur" : "blurIt")} <kbd aria-hidden="true">b</kbd>
      </button>
      <ul class={isBlurred ? "case-media case-blurred" : "case-media"}>
        {of.map((one) => (
          <li key={one}>
            <img src={one} alt="" loading="lazy" />
          </li>
        ))}
      </ul>
    </>
  );
}

function Evidence({ of }: { of: WholeCase }) {
  const { title, text, url, before, media } = of.evidence as {
    title?: string;
    text?: string;
    url?: string | null;
    before?: { username: string; text: string }[];
    media?: string[];
  };
  return (
    <section>
      {of.owner && (
        <p>
          <a href={`/@${of.owner.username}`}>
            <bdi>@{of.owner.username}</bdi>
          </a>{" "}
          · {t("strikes", { n: of.strikes })}
        </p>
      )}
      {before && before.length > 0 && (
        <details>
          <summary>{t("saidBefore")}</summary>
          <ul>
            {before.map((one, at) => (
              <li key={at}>
                <bdi>@{one.username}</bdi>: <bdi>{one.text}</bdi>
              </li>
            ))}
          </ul>
        </details>
      )}
      {title && (
        <p dir="auto">
          <b>{title}</b>
        </p>
      )}
      {text && (
        <blockquote class="case-text" dir="auto">
          {text}
        </blockquote>
      )}
      {media && media.length > 0 && <Pictures of={media} />}
      <Labels of={of} />
      {url && (
        <a href={url} target="_blank" rel="noopener">
          {t("look")}
        </a>
      )}
    </section>
  );
}

/** Accounts that are shut out and share something with the owner's. */
function Hints({ of }: { of: WholeCase }) {
  if (!of.hints.length) return null;
  return (
    <details>
      <summary>
        {t("hints")} · {of.hints.length}
      </summary>
      <p class="dim">{t("hintsMean")}</p>
      <ul>
        {of.hints.map((one) => (
          <li key={one.person.id}>
            <a href={`/@${one.person.username}`}>
              <bdi>@{one.person.username}</bdi>
            </a>{" "}
            · {listed(one.shares.map((shared) => t(shared === "device" ? "sameDevice" : "sameNetwork")))}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Reports({ of }: { of: WholeCase }) {
  return (
    <details open={of.newest_reports.some(({ detail }) => detail)}>
      <summary>
        {t("whoReported")} · {t("reports", { n: of.reports })}
      </summary>
      <ul>
        {of.newest_reports.map((one) => (
          <li key={one.id}>
            {t(one.reason)} {one.reporter && t("by", { name: `@${one.reporter}` })} {one.detail && <q dir="auto">{one.detail}</q>}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Acts({ of }: { of: WholeCase }) {
  if (!of.acts.length) return null;
  return (
    <section aria-label={t("history")}>
      <h3>{t("history")}</h3>
      <ul>
        {of.acts.map((one) => (
          <li key={one.id}>
            {one.reverted_at ? <s>{t(one.action)}</s> : t(one.action)} · <bdi>{one.actor ? `@${one.actor}` : t("server")}</bdi> · {when(one.created_at)}{" "}
            <q dir="auto">{one.reason}</q>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Decision({ of, onDecided }: { of: WholeCase; onDecided: () => void }) {
  const [action, setAction] = useState<Action>("dismiss");
  const reason = useRef<HTMLTextAreaElement>(null);
  const actions = ACTIONS.filter((one) => of.actions.includes(one));
  const choose = (chosen: Action): void => {
    setAction(chosen);
    reason.current?.focus();
  };
  useKeys(Object.fromEntries(actions.map((one, at) => [String(at + 1), () => choose(one)])));
  const { form, errors, busy, submit } = useSending(["action", "reason", "until"], async (data) => {
    const until = textOf(data, "until");
    await actOnCase(of.id, { action, reason: textOf(data, "reason").trim(), ...(until && { until: new Date(until).toISOString() }) });
    toast(t("decided"), "good");
    onDecided();
  });
  return (
    <form class="stack" ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      <fieldset class="case-actions">
        <legend>{t("act")}</legend>
        {actions.map((one, at) => (
          <label key={one}>
            <input type="radio" name="action" value={one} checked={one === action} onChange={() => setAction(one)} /> {t(one)} <kbd aria-hidden="true">{at + 1}</kbd>
          </label>
        ))}
        {errors["action"] && <p class="form-error">{errors["action"]}</p>}
      </fieldset>
      <Templates
        onChoose={(text) => {
          if (reason.current && text) reason.current.value = text;
        }}
      />
      <Field label={t("reason")} name="reason" error={errors["reason"]}>
        {(ids) => <textarea {...ids} ref={reason} name="reason" rows={2} maxLength={2000} required dir="auto" />}
      </Field>
      {(action === "restrict" || action === "suspend") && (
        <Field label={t("until")} name="until" error={errors["until"]}>
          {(ids) => <input {...ids} name="until" type="datetime-local" />}
        </Field>
      )}
      <button type="submit" class="button accent" disabled={busy}>
        {t("decide")}
      </button>
      <p class="dim">{t("keys", { n: actions.length })}</p>
    </form>
  );
}
