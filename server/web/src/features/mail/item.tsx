/** One mail of the list, with what it says where it is kept. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { ago, when } from "../../ui/format";
import { toast } from "../../ui/toasts";
import { readMail, retryMail, type Mail } from "./calls";
import { t } from "./words";

interface ItemProps {
  mail: Mail;
  /** In words. */
  state: string;
  onChange: (mail: Mail) => void;
}

interface Said {
  text: string;
  html: string;
}

const MAY_RETRY: readonly Mail["state"][] = ["kept", "bounced", "failed"];

export function MailItem({ mail, state, onChange }: ItemProps) {
  const [said, setSaid] = useState<Said | null>(null);
  const id = `mail-${mail.id}`;
  const read = async (): Promise<void> => {
    if (said) return setSaid(null);
    const { text, html } = await readMail(mail.id);
    if (text !== null && html !== null) setSaid({ text, html });
  };
  const retry = async (): Promise<void> => {
    onChange(await retryMail(mail.id));
    setSaid(null);
    toast(t("queuedAgain"), "good");
  };
  const named = { subject: mail.subject, address: mail.address };
  return (
    <li class="panel mail-item" aria-labelledby={id}>
      <header class="mail-head">
        <h2 id={id} lang={mail.language} dir="auto">
          {mail.subject}
        </h2>
        <span class={`badge mail-${mail.state}`}>{state}</span>
      </header>
      <p class="dim">
        {t.rich("to", { address: <bdi>{mail.address}</bdi> })} · <time dateTime={mail.created_at} title={when(mail.created_at)}>{ago(mail.created_at)}</time>
        {mail.attempts > 0 && ` · ${t("attempts", { n: mail.attempts })}`}
      </p>
      {mail.reason && mail.state !== "kept" && (
        <p class={`mail-reason mono mail-reason-${mail.state}`} dir="ltr">
          {mail.reason}
        </p>
      )}
      <p class="mail-acts">
        {mail.state === "kept" && (
          <button type="button" class="button" aria-expanded={Boolean(said)} aria-label={said ? t("closeIt", named) : t("readIt", named)} onClick={() => void attempt(read)}>
            {said ? t("close") : t("read")}
          </button>
        )}
        {MAY_RETRY.includes(mail.state) && (
          <button type="button" class="button" aria-label={t("retryIt", named)} onClick={() => void attempt(retry)}>
            {t("retry")}
          </button>
        )}
        {said && (
          <a class="button" download={`${mail.template}.html`} href={`data:text/html;charset=utf-8,${encodeURIComponent(said.html)}`}>
            {t("save")}
          </a>
        )}
      </p>
      {said && (
        <div class="mail-text" lang={mail.language} dir="auto" role="region" aria-label={t("words", { address: mail.address })} tabIndex={0}>
          {linked(said.text)}
        </div>
      )}
    </li>
  );
}

async function attempt(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    toast(sentence(error), "bad");
  }
}

/** The text with its links as links. */
const linked = (text: string): ComponentChildren[] =>
  text.split(/(https?:\/\/\S+)/).map((part, index) =>
    index % 2 ? (
      <a key={index} href={part} dir="ltr">
        {part}
      </a>
    ) : (
      part
    ),
  );
