/** What viewers have redeemed and wait for: of the owner, who gives it or refuses. */
import { useEffect, useState } from "preact/hooks";
import { hear } from "../../realtime/socket";
import { attempt } from "../../ui/sending";
import { decideRedemption, waitingRedemptions, type Redemption } from "./calls";
import { t } from "./words";

/** How many wait for the owner. */
export function useWaiting(roomId: string, wanted: boolean): [Redemption[], () => void] {
  const [waiting, setWaiting] = useState<Redemption[]>([]);
  const load = (): void =>
    void waitingRedemptions().then(
      ({ items }) => setWaiting(items),
      () => undefined,
    );
  useEffect(() => {
    if (!wanted) return;
    load();
    return hear("reward", (body) => void (body.room_id === roomId && load()));
  }, [roomId, wanted]);
  return [waiting, load];
}

export function Redemptions({ waiting, onChange }: { waiting: Redemption[]; onChange: () => void }) {
  const decide = async (id: string, decision: "fulfil" | "refuse"): Promise<void> => {
    await attempt(async () => void (await decideRedemption(id, decision)));
    onChange();
  };
  return (
    <ul class="rewards">
      {waiting.map(({ id, title, text, user }) => (
        <li class="reward" key={id}>
          <strong>
            <bdi>{title}</bdi>
          </strong>
          <p class="hint">
            <bdi>{user.display_name || user.username}</bdi>
            {text && ": "}
            <bdi>{text}</bdi>
          </p>
          <div class="decide">
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
