/** The player and nothing else: a stream, or a clip, in a frame of another page. */
import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../../api/http";
import { Missing } from "../../ui/missing";
import { PageTitle, Spinner, useTitle } from "../../ui/parts";
import { getClip } from "../clips/calls";
import { watchable } from "../clips/watchable";
import type { Watchable } from "../player/playback";
import { Player } from "../player/player";
import { needsPassword, PasswordGate } from "../streams/password-gate";
import { isRestricted, RestrictionGate, WarningGate } from "../streams/restriction-gate";
import { useWatched } from "../watch/watched";
import "./embeds.css";

export default function Embed({ id }: { id: string }) {
  const { stream, failure, again } = useWatched(id);
  const isNoStream = failure instanceof ApiError && failure.status === 404;
  if (stream) return <Framed of={stream} path={`/watch/${id}`} warning={stream.restrictions?.content_warning} />;
  if (needsPassword(failure)) return <PasswordGate streamId={id} onOpened={again} />;
  if (isRestricted(failure)) return <RestrictionGate failure={failure} />;
  return isNoStream ? <EmbeddedClip id={id} /> : <Spinner />;
}

function EmbeddedClip({ id }: { id: string }) {
  const [clip, setClip] = useState<Watchable | null>(null);
  const [isMissing, setMissing] = useState(false);
  useEffect(() => {
    getClip(id).then(
      (found) => setClip(watchable(found)),
      () => setMissing(true),
    );
  }, [id]);
  if (isMissing) return <Missing />;
  return clip ? <Framed of={clip} path={`/clips/${id}`} /> : <Spinner />;
}

function Framed({ of, path, warning }: { of: Watchable; path: string; warning?: string | null | undefined }) {
  useTitle(of.title);
  return (
    <div class="embed">
      <WarningGate warning={warning}>
        <Player key={of.id} stream={of} replaying={of.state === "ended"} onWatchRecording={() => undefined} onReady={() => undefined} />
      </WarningGate>
      <header class="embed-head">
        <PageTitle>
          <a href={path} target="_blank" rel="noopener">
            {of.title}
          </a>
        </PageTitle>
      </header>
    </div>
  );
}
