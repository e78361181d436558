import { useEffect, useState } from "preact/hooks";
import { listMore, listStreams } from "../api/calls";
import { sentence } from "../api/http";
import type { Page, Stream } from "../api/types";
import { GridSkeleton, StreamGrid } from "../ui/card";
import { BroadcastIcon } from "../ui/icons";
import { Empty, PageTitle, useInterval, useTitle } from "../ui/parts";
import { toast } from "../ui/toasts";

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

export function Home() {
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
        <Empty title="The server does not answer">
          <p>{failure}</p>
          <button type="button" class="button" onClick={() => void refresh()}>
            Try again
          </button>
        </Empty>
      )}
      {shelves && (
        <>
          {shelves.live.length > 0 ? (
            <section aria-labelledby="live-now">
              <h2 id="live-now" class="shelf-title">
                <span class="pulse" aria-hidden="true" /> Live now
              </h2>
              <StreamGrid streams={shelves.live} featureFirst />
            </section>
          ) : (
            <NobodyLive />
          )}
          {shelves.scheduled.length > 0 && (
            <section aria-labelledby="coming-up">
              <h2 id="coming-up" class="shelf-title">
                Coming up
              </h2>
              <StreamGrid streams={shelves.scheduled} />
            </section>
          )}
          {shelves.ended.items.length > 0 && (
            <section aria-labelledby="recordings">
              <h2 id="recordings" class="shelf-title">
                Recent recordings
              </h2>
              <StreamGrid streams={shelves.ended.items} />
              {shelves.ended.next && (
                <button type="button" class="button more" onClick={() => void more(shelves.ended.next ?? "")}>
                  Show more
                </button>
              )}
            </section>
          )}
        </>
      )}
    </div>
  );
}

function NobodyLive() {
  return (
    <Empty title="Nobody is live right now" art={<Waves />}>
      <p>Be the first. It takes a minute, and everyone who opens this page will see you.</p>
      <ol class="steps">
        <li>
          <b>Open the studio</b> and give your broadcast a title.
        </li>
        <li>
          <b>Pick a source:</b> this browser's camera or screen, OBS, or any RTMP or WHIP encoder.
        </li>
        <li>
          <b>Press start.</b> Viewers are with you in under a second.
        </li>
      </ol>
      <a class="button accent large" href="/live">
        <BroadcastIcon /> Go live
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
