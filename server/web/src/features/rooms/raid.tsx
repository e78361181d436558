/** Raids: the owner sends the viewers on, and viewers are taken along unless they stay. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { call } from "../../api/session";
import type { Page, Stream } from "../../api/types";
import type { ServerEvents } from "../../api/schema";
import { ask, hear } from "../../realtime/socket";
import { navigate } from "../../router";
import { duration } from "../../ui/format";
import { useInterval } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { Window } from "./window";
import { t } from "./words";

type Raid = ServerEvents["stream:raid"];

const STAYS_MS = 20_000;

/** What a room is sent of raids: going from here, or come from elsewhere. */
export function RaidBanner({ stream, mine }: { stream: Stream; mine: boolean }) {
  const [raid, setRaid] = useState<Raid | null>(null);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const stops = [
      hear("stream:raid", (body) => void (body.stream_id === stream.id || body.target.id === stream.id ? setRaid(body) : undefined)),
      hear("stream:raid_cancelled", (body) => void (body.stream_id === stream.id && setRaid(null))),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [stream.id]);
  useInterval(() => setNow(Date.now()), 250, raid !== null);
  const leftMs = raid ? Date.parse(raid.at) - now : 0;
  const isGoing = raid?.stream_id === stream.id;
  useEffect(() => {
    if (!raid || leftMs > 0) return;
    if (isGoing && !mine) navigate(`/watch/${raid.target.id}`);
    else if (isGoing || leftMs < -STAYS_MS) setRaid(null);
  }, [raid, leftMs <= 0, leftMs < -STAYS_MS]);
  if (!raid) return null;
  const name = (side: Raid["source"]): string => side.owner.display_name || side.owner.username;
  const cancel = (): void => void ask("stream:raid_cancel", { stream_id: stream.id }).catch((error) => toast(sentence(error), "bad"));
  return (
    <div class="activity raid" role="status">
      <strong>
        {isGoing
          ? t("raidGoing", { name: name(raid.target), title: raid.target.title })
          : t("raidCame", { name: name(raid.source), viewers: t("viewers", { n: raid.viewers }) })}
      </strong>
      {isGoing && (
        <div class="decide">
          <span class="tabular" aria-hidden="true">
            {duration(Math.max(0, Math.ceil(leftMs / 1000)))}
          </span>
          <button type="button" class="button small" onClick={mine ? cancel : () => setRaid(null)}>
            {t(mine ? "cancel" : "stay")}
          </button>
        </div>
      )}
    </div>
  );
}

/** Where to: one of the other streams that are live. */
export function StartRaid({ stream, onDone }: { stream: Stream; onDone: () => void }) {
  const [streams, setStreams] = useState<Stream[] | null>(null);
  useEffect(() => {
    void call<Page<Stream>>("/streams?state=live&limit=50").then(
      ({ items }) => setStreams(items.filter(({ id }) => id !== stream.id)),
      (error) => toast(sentence(error), "bad"),
    );
  }, [stream.id]);
  const start = async (target: string): Promise<void> => {
    try {
      await ask("stream:raid", { stream_id: stream.id, target });
      onDone();
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  return (
    <Window title={t("raidTitle")} onDone={onDone}>
      {streams?.length === 0 && <p class="hint">{t("noTargets")}</p>}
      <ul class="rewards">
        {streams?.map(({ id, title, owner, viewers }) => (
          <li key={id}>
            <button type="button" class="choice" onClick={() => void start(id)}>
              <bdi class="choice-text">{title}</bdi>
              <span class="choice-detail">
                <bdi>{owner.display_name || owner.username}</bdi> · {t("viewers", { n: viewers })}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </Window>
  );
}
