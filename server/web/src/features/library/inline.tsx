/** A video in the midst of other things. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { Spinner } from "../../ui/parts";
import { Player } from "../player/player";
import "../player/stage.css";
import { getVideo, type Video } from "./calls";
import { chaptersOf, watchable } from "./watchable";

export interface InlineProps {
  videoId: string;
}

export default function InlineVideo({ videoId }: InlineProps) {
  const [video, setVideo] = useState<Video | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => void getVideo(videoId).then(setVideo, setFailure), [videoId]);
  if (failure) return <p role="alert">{sentence(failure)}</p>;
  if (!video) return <Spinner />;
  return (
    <div class="post-player">
      <Player stream={watchable(video)} chapters={chaptersOf(video)} replaying onWatchRecording={() => undefined} onReady={(_, element) => void element?.play().catch(() => undefined)} />
      <a href={`/videos/${video.id}`} dir="auto">
        {video.title}
      </a>
    </div>
  );
}
