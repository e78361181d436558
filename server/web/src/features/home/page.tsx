import { useEffect, useState } from "preact/hooks";
import { FeedPanel } from "../feed/panel";
import { listMore, listStreams } from "../streams/calls";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import type { Page, Stream } from "../../api/types";
import { GridSkeleton, StreamGrid } from "../streams/card";
import { BroadcastIcon } from "../../ui/icons";
import { Empty, PageTitle, useInterval, useTitle } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { t } from "./words";

const REFRESH_MS = 10_000;

interface Shelves {
  live: Stream[];
  scheduled: Stream[];
  ended: Page<Stream>;
}

async function load(): Promise<Shelves> {
  const [live, scheduled, ended] = await Promise.all([listStreams("live"), listStreams("scheduled", 8), listStreams("ended", 12)]);
  return { live: live.items, scheduled: scheduled.items, ended: withRecording(ended) };
}

/** A broadcast that ended without a recording has nothing to show. */
const withRecording = ({ items, next }: Page<Stream>): Page<Stream> => ({
  items: items.filter((stream) => stream.playback.hls),
  next,
});

export default function Home() {
  useTitle("");
  const [shelves, setShelves] = useState<Shelves | null>(null);
  const [pagedIn, setPagedIn] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);

  const refresh = async (): Promise<void> => {
    try {
      const fresh = await load();
      setFailure(null);
      // Recordings that were paged in stay; the first page alone is refreshed.
      setShelves((before) => (before && pagedIn ? { ...fresh, ended: before.ended } : fresh));
    } catch (error) {
      setFailure(sentence(error));
    }
  };
  useEffect(() => void refresh(), []);
  useInterval(() => void refresh(), REFRESH_MS);

  const more = async (cursor: string): Promise<void> => {
    try {
      const page = withRecording(await listMore("ended", cursor));
      setPagedIn(true);
      setShelves((now) => now && { ...now, ended: { items: [...now.ended.items, ...page.items], next: page.next } });
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };

  return (
    <div class="page home">
      <PageTitle hidden>Social Flow</PageTitle>
      {!shelves && !failure && <GridSkeleton />}
      {!shelves && failure && (
        <Empty title={t("noAnswer")}>
          <p>{failure}</p>
          <button type="button" class="button" onClick={() => void refresh()}>
            {t("tryAgain")}
          </button>
        </Empty>
      )}
      {shelves && me.value && <Own live={shelves.live} />}
      {shelves && !me.value && <Shelved shelves={shelves} onMore={(cursor) => void more(cursor)} />}
    </div>
  );
}

/** For who is signed in: what is on the air, and their feed. */
function Own({ live }: { live: Stream[] }) {
  return (
    <>
      {live.length > 0 && <LiveNow live={live} />}
      <FeedPanel />
    </>
  );
}

function Shelved({ shelves, onMore }: { shelves: Shelves; onMore: (cursor: string) => void }) {
  return (
    <>
      {shelves.live.length > 0 ? <LiveNow live={shelves.live} /> : <NobodyLive />}
      {shelves.scheduled.length > 0 && (
        <section aria-labelledby="coming-up">
          <h2 id="coming-up" class="shelf-title">
            {t("comingUp")}
          </h2>
          <StreamGrid streams={shelves.scheduled} />
        </section>
      )}
      {shelves.ended.items.length > 0 && (
        <section aria-labelledby="recordings">
          <h2 id="recordings" class="shelf-title">
            {t("recordings")}
          </h2>
          <StreamGrid streams={shelves.ended.items} />
          {shelves.ended.next && (
            <button type="button" class="button more" onClick={() => onMore(shelves.ended.next ?? "")}>
              {t("showMore")}
            </button>
          )}
        </section>
      )}
    </>
  );
}

function LiveNow({ live }: { live: Stream[] }) {
  return (
    <section aria-labelledby="live-now">
      <h2 id="live-now" class="shelf-title">
        <span class="pulse" aria-hidden="true" /> {t("liveNow")}
      </h2>
      <StreamGrid streams={live} featureFirst />
    </section>
  );
}

function NobodyLive() {
  return (
    <Empty title={t("nobody")} art={<Waves />}>
      <p>{t("nobodyText")}</p>
      <ol class="steps">
        <li>{t.rich("stepOpen", { lead: <b>{t("stepOpenLead")}</b> })}</li>
        <li>{t.rich("stepSource", { lead: <b>{t("stepSourceLead")}</b> })}</li>
        <li>{t.rich("stepStart", { lead: <b>{t("stepStartLead")}</b> })}</li>
      </ol>
      <a class="button accent large" href="/live">
        <BroadcastIcon /> {t("goLive")}
      </a>
    </Empty>
  );
}

function Waves() {
  return (
    <svg viewBox="0 0 320 90" aria-hidden="true" focusable="false" class="waves">
      <path d="M0 60c40 0 40-34 80-34s40 34 80 34 40-34 80-34 40 34 80 34" />
      <path d="M0 74c40 0 40-34 80-34s40 34 80 34 40-34 80-34 40 34 80 34" />
      <path d="M0 46c40 0 40-34 80-34s40 34 80 34 40-34 80-34 40 34 80 34" />
    </svg>
  );
}
