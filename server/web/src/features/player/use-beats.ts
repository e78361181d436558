/** The server counts who watches a video, and for how long. */
import { useEffect, useRef } from "preact/hooks";
import { call } from "../../api/session";
import type { Body } from "../../api/types";
import { beats } from "./beats";

const nothing = (): void => undefined;

/** Give what is returned the element that plays the video. */
export function useBeats(videoId: string): (element: EventTarget | null) => void {
  const stop = useRef(nothing);
  useEffect(() => {
    const leave = (): void => stop.current();
    addEventListener("pagehide", leave);
    return () => {
      removeEventListener("pagehide", leave);
      leave();
    };
  }, [videoId]);
  return (element) => {
    stop.current();
    stop.current = element ? beats(element, (isPlaying) => tell(videoId, isPlaying)) : nothing;
  };
}

function tell(videoId: string, isPlaying: boolean): void {
  const body: Body<"watchVideo"> = { is_playing: isPlaying };
  call(`/videos/${encodeURIComponent(videoId)}/heartbeat`, { method: "POST", body, keepalive: true }).catch(nothing);
}
