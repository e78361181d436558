/** Outgoing mails as operators see them: what waits, what bounced and why, and what is kept where no server is set. */
import { useRef, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { Empty, Field, Spinner } from "../../ui/parts";
import { usePages } from "../../ui/pages";
import { listMails, type Mail, type MailState } from "./calls";
import { MailItem } from "./item";
import { t } from "./words";
import "./mail.css";

export const STATES = {
  queued: "queued",
  sent: "sent",
  kept: "kept",
  bounced: "bounced",
  failed: "failed",
} as const satisfies Record<MailState, string>;

interface Asked {
  state: string;
  address: string;
}

export default function MailPage() {
  const [asked, setAsked] = useState<Asked>({ state: "", address: "" });
  const { items, next, failure, more, replace } = usePages<Mail>((cursor) => listMails({ ...asked, cursor }), [asked.state, asked.address]);
  if (failure instanceof ApiError && failure.status === 403) {
    return (
      <Empty title={t("forOperators")}>
        <p>{t("noLeave")}</p>
      </Empty>
    );
  }
  return (
    <div class="mail">
      <Filter onAsk={setAsked} />
      <p class="mail-failure" role="status">
        {failure ? sentence(failure) : ""}
      </p>
      {!items && !failure && <Spinner />}
      {items?.length === 0 && (
        <Empty title={t("none")}>
          <p>{asked.state || asked.address ? "" : t("noneHint")}</p>
        </Empty>
      )}
      {items && items.length > 0 && (
        <ul class="mail-list" aria-label={t("mails")}>
          {items.map((mail) => (
            <MailItem key={mail.id} mail={mail} state={t(STATES[mail.state])} onChange={replace} />
          ))}
        </ul>
      )}
      {next && (
        <button type="button" class="button" onClick={more}>
          {t("more")}
        </button>
      )}
    </div>
  );
}

function Filter({ onAsk }: { onAsk: (asked: Asked) => void }) {
  const form = useRef<HTMLFormElement>(null);
  const ask = (event?: Event): void => {
    event?.preventDefault();
    const given = new FormData(form.current ?? undefined);
    onAsk({ state: String(given.get("state") ?? ""), address: String(given.get("address") ?? "").trim() });
  };
  return (
    <form class="mail-filter" role="search" aria-label={t("filter")} ref={form} onSubmit={ask}>
      <Field label={t("state")} name="state">
        {(ids) => (
          <select {...ids} name="state" onChange={() => ask()}>
            <option value="">{t("all")}</option>
            {Object.entries(STATES).map(([state, word]) => (
              <option key={state} value={state}>
                {t(word)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={t("address")} name="address">
        {(ids) => <input {...ids} name="address" type="search" dir="ltr" maxLength={320} autocomplete="off" spellcheck={false} />}
      </Field>
      <button type="submit" class="button">
        {t("show")}
      </button>
    </form>
  );
}
