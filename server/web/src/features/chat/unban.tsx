/** Requests to lift a ban: the form of who is banned, and what moderators have to answer. */
import { useEffect, useState } from "preact/hooks";
import { hear } from "../../realtime/socket";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { askForUnban, decideRequest, type UnbanRequest, waitingRequests } from "./conduct-calls";
import { t } from "./words";

export function AskForUnban({ roomId }: { roomId: string }) {
  const [isAsked, setAsked] = useState(false);
  const { form, errors, busy, submit } = useSending(["text"], async (data) => {
    await askForUnban(roomId, textOf(data, "text"));
    setAsked(true);
  });
  if (isAsked) return <p class="chat-unban" role="status">{t("unbanAsked")}</p>;
  return (
    <form class="chat-unban" ref={form} onSubmit={submit} noValidate>
      <p>{t("youAreBanned")}</p>
      <FormError text={errors["form"] ?? errors["text"]} />
      <input name="text" maxLength={500} aria-label={t("unbanText")} placeholder={t("unbanText")} autocomplete="off" dir="auto" required />
      <button type="submit" class="button" disabled={busy}>
        {t("askForUnban")}
      </button>
    </form>
  );
}

/** For moderators: read again whenever one comes or is answered. */
export function UnbanRequests({ roomId }: { roomId: string }) {
  const [waiting, setWaiting] = useState<UnbanRequest[]>([]);
  useEffect(() => {
    const load = (): void => void waitingRequests(roomId).then(({ items }) => setWaiting(items), () => undefined);
    const heard = (body: { room_id: string }): void => (body.room_id === roomId ? load() : undefined);
    const stops = [hear("chat:unban_requested", heard), hear("chat:unban_decided", heard)];
    load();
    return () => stops.forEach((stop) => stop());
  }, [roomId]);
  const decide = (id: string, allow: boolean): Promise<void> =>
    attempt(async () => {
      await decideRequest(roomId, id, allow);
      setWaiting((before) => before.filter((one) => one.id !== id));
    });
  if (!waiting.length) return null;
  return (
    <section class="chat-held" aria-label={t("unbanRequests")}>
      <h3>{t("unbanRequests")}</h3>
      <ul>
        {waiting.map(({ id, user, text }) => (
          <li key={id}>
            <p>
              <strong>
                <bdi>{user.display_name}</bdi>
              </strong>{" "}
              <bdi>{text}</bdi>
            </p>
            <button type="button" onClick={() => void decide(id, true)}>
              {t("liftBan")}
            </button>
            <button type="button" onClick={() => void decide(id, false)}>
              {t("refuse")}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
