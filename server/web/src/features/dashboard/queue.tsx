/** The rewards that wait for the streamer. */
import type { Stream } from "../../api/types";
import { attempt } from "../../ui/sending";
import { decideRedemption } from "../rooms/calls";
import { useWaiting } from "../rooms/rewards";
import { t } from "./words";

export function Queue({ stream }: { stream: Stream }) {
  const [waiting, reload] = useWaiting(stream.chat.room_id, true);
  const decide = async (id: string, decision: "fulfil" | "refuse"): Promise<void> => {
    await attempt(async () => void (await decideRedemption(id, decision)));
    reload();
  };
  if (!waiting.length) return <p class="dim">{t("noneWaiting")}</p>;
  return (
    <ul class="dash-queue-list">
      {waiting.map(({ id, title, text, user }) => (
        <li key={id}>
          <strong>
            <bdi>{user.display_name || user.username}</bdi>: <bdi>{title}</bdi>
          </strong>
          {text && (
            <p class="hint">
              <bdi>{text}</bdi>
            </p>
          )}
          <div class="row">
            <button type="button" class="button small" onClick={() => void decide(id, "fulfil")}>
              {t("fulfil")}
            </button>
            <button type="button" class="button small danger" onClick={() => void decide(id, "refuse")}>
              {t("refuse")}
            </button>
          </div>
        </li>
      ))}
    </ul>
  );
}
