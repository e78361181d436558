/** What was written and has no place in the room yet. */
import type { ChatMirror, Outgoing } from "./room-mirror";
import { t } from "./words";

export function OutboxRows({ outbox, mirror }: { outbox: Outgoing[]; mirror: ChatMirror | undefined }) {
  if (!outbox.length) return null;
  return (
    <ul class="outbox" aria-label={t("notSent")}>
      {outbox.map((outgoing) => (
        <li key={outgoing.client_id} class={`message message-${outgoing.state}`}>
          <span class="message-text">{outgoing.text || t("pictures", { n: outgoing.attachments.length })}</span>
          {outgoing.state === "held" && <span class="outbox-held">{t("waitsForModerator")}</span>}
          {outgoing.state === "failed" && (
            <span class="outbox-failed" role="alert">
              {outgoing.reason}
              <button type="button" onClick={() => mirror?.retry(outgoing.client_id)}>
                {t("tryAgain")}
              </button>
              <button type="button" onClick={() => mirror?.discard(outgoing.client_id)}>
                {t("discard")}
              </button>
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}
