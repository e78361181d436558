/** A person's points, and what the owner and moderators of a room can open in it. */
import { useState } from "preact/hooks";
import { me } from "../../api/session";
import type { Stream } from "../../api/types";
import { Create, type Kind } from "./create";
import { StartRaid } from "./raid";
import { useWaiting } from "./redemptions";
import { RewardMenu, RewardQueue } from "./rewards";
import { t } from "./words";

interface Props {
  stream: Stream;
  /** May open polls and predictions. */
  mine: boolean;
  /** Null for who has none here. */
  points: number | null;
}

export function Bar({ stream, mine, points }: Props) {
  const roomId = stream.chat.room_id;
  const isOwner = me.value?.id === stream.owner.id;
  const [opened, setOpened] = useState<Kind | "rewards" | "queue" | "raid" | null>(null);
  const [waiting, loadWaiting] = useWaiting(roomId, isOwner);
  const close = (): void => setOpened(null);
  if (!mine && points === null) return null;
  return (
    <>
      <div class="activities-bar">
        {points !== null && (
          <button type="button" class="button small activities-points" aria-label={t("pointsAndRewards", { points: t("points", { n: points }) })} onClick={() => setOpened("rewards")}>
            {t("points", { n: points })}
          </button>
        )}
        {mine && (
          <>
            <button type="button" class="button small" onClick={() => setOpened("poll")}>
              + {t("newPoll")}
            </button>
            <button type="button" class="button small" onClick={() => setOpened("prediction")}>
              + {t("newPrediction")}
            </button>
          </>
        )}
        {isOwner && (
          <button type="button" class="button small" onClick={() => setOpened("queue")}>
            {t("rewards")} {waiting.length > 0 && <span class="choice-mark">{waiting.length}</span>}
          </button>
        )}
        {isOwner && stream.state === "live" && (
          <button type="button" class="button small" onClick={() => setOpened("raid")}>
            {t("raid")}
          </button>
        )}
      </div>
      {(opened === "poll" || opened === "prediction") && <Create kind={opened} roomId={roomId} onDone={close} />}
      {opened === "rewards" && <RewardMenu streamId={stream.id} roomId={roomId} balance={points ?? 0} onDone={close} />}
      {opened === "queue" && <RewardQueue waiting={waiting} onChange={loadWaiting} onDone={close} />}
      {opened === "raid" && <StartRaid stream={stream} onDone={close} />}
    </>
  );
}
