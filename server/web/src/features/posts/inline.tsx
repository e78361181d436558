/** A video in the midst of other things. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import type { Answer } from "../../api/types";
import { Spinner } from "../../ui/parts";
import { Player } from "../player/player";
import "../player/stage.css";
import { chaptersOf, watchable } from "../player/uploaded";
import { useBeats } from "../player/use-beats";
import { videoOf } from "./calls";

export interface InlineProps {
  videoId: string;
}

export default function InlineVideo({ videoId }: InlineProps) {
  const [video, setVideo] = useState<Answer<"getVideo"> | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => void videoOf(videoId).then(setVideo, setFailure), [videoId]);
  const beat = useBeats(videoId);
  const ready = (element: HTMLVideoElement | null): void => {
    beat(element);
    void element?.play().catch(() => undefined);
  };
  if (failure) return <p role="alert">{sentence(failure)}</p>;
  if (!video) return <Spinner />;
  return (
    <div class="post-player">
      <Player stream={watchable(video)} chapters={chaptersOf(video)} replaying onWatchRecording={() => undefined} onReady={(_, element) => ready(element)} />
      <a href={`/videos/${video.id}`} dir="auto">
        {video.title}
      </a>
    </div>
  );
}
