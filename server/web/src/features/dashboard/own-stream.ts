/** The broadcast that the dashboard shows: what is on the air, else the last one. */
import { useEffect, useState } from "preact/hooks";
import type { Stream } from "../../api/types";
import { useInterval } from "../../ui/parts";
import { getStream, streamsOf } from "../streams/calls";

const POLL_MS = 3000;

const isOnAir = ({ state }: Stream): boolean => state === "live" || state === "interrupted";

/** What to show of a person's streams, the newest first: null while there is none. */
export const chosen = (streams: readonly Stream[]): Stream | null =>
  streams.find(isOnAir) ?? streams.find(({ state }) => state === "ended") ?? null;

export interface OwnStream {
  stream: Stream | null;
  onAir: boolean;
  /** False until it is known whether there is one. */
  isKnown: boolean;
}

/** The owner is not counted as a viewer, so this is read, not watched; also while a dock is hidden behind others. */
export function useOwnStream(username: string): OwnStream {
  const [stream, setStream] = useState<Stream | null>(null);
  const [isKnown, setKnown] = useState(false);
  const poll = async (): Promise<void> => {
    try {
      const fresh = stream && isOnAir(stream) ? await getStream(stream.id) : chosen((await streamsOf(username, 20)).items);
      setStream(fresh);
      setKnown(true);
    } catch {
      // The next poll tells.
    }
  };
  useEffect(() => void poll(), [username]);
  useInterval(() => void poll(), POLL_MS);
  return { stream, onAir: stream !== null && isOnAir(stream), isKnown };
}
