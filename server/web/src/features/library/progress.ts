/** A video that is read again while it is encoded, as its progress is heard. */
import { useEffect } from "preact/hooks";
import { hear, onConnect } from "../../realtime/socket";

/** `changed` gets the video's id with its new progress; `again` whenever something may have been missed. */
export function useProgress(changed: (id: string, state: string, progress: number) => void, again: () => void): void {
  useEffect(() => {
    const deaf = hear("video:progress", ({ video_id, state, progress }) => changed(video_id, state, progress));
    const off = onConnect(again);
    return () => {
      deaf();
      off();
    };
  }, []);
}
