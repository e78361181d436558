/** A stream and its room as a page follows them. */
import { useEffect, useState } from "preact/hooks";
import type { RoomState, Stream } from "../../api/types";
import { ask, AskError, connect, connection, hear, onConnect, tell } from "../../realtime/socket";
import { useInterval } from "../../ui/parts";
import { accessTo, forgetAccess, getStream } from "../streams/calls";

const POLL_MS = 10_000;
const REFUSED = ["not_found", "password_required", "restricted_country", "restricted_age", "withheld"];

export interface Watched {
  stream: Stream | null;
  room: RoomState | null;
  viewers: number;
  failure: unknown;
  setStream: (stream: Stream) => void;
  /** Begin anew: what kept it from being seen has changed. */
  again: () => void;
}

/** The stream and its room, kept current over the socket; by polling while there is no socket. */
export function useWatched(streamId: string): Watched {
  const [stream, setStream] = useState<Stream | null>(null);
  const [room, setRoom] = useState<RoomState | null>(null);
  const [viewers, setViewers] = useState(0);
  const [failure, setFailure] = useState<unknown>(null);
  const [turn, setTurn] = useState(0);

  const load = async (): Promise<void> => {
    const held = accessTo(streamId);
    if (held) {
      setStream((before) => before ?? held.stream);
      setFailure(null);
      return;
    }
    try {
      const fresh = await getStream(streamId);
      setStream(fresh);
      setViewers(fresh.viewers);
      setFailure(null);
    } catch (error) {
      setFailure(error);
    }
  };

  useEffect(() => {
    void load();
    connect();
    let again: ReturnType<typeof setTimeout> | undefined;
    const watch = async (): Promise<void> => {
      try {
        const watched = await ask("stream:watch", { stream_id: streamId, device: deviceOf(), ...withAccess(streamId) });
        const answer = watched as unknown as { stream: Stream; room: RoomState };
        setStream(answer.stream);
        setViewers(answer.stream.viewers);
        setRoom(answer.room);
      } catch (error) {
        if (!(error instanceof AskError)) return;
        if (REFUSED.includes(error.code)) {
          if (forgetAccess(streamId)) {
            setStream(null);
            void load();
          }
          return;
        }
        // Without a connection the next one watches again.
        const wait = Math.max(2000, error.retryAfterMs ?? 0);
        again = setTimeout(() => connection.peek() === "online" && void watch(), wait);
      }
    };
    const stops = [
      onConnect(() => void watch()),
      hear("stream:state", (changed) => {
        if (changed.id === streamId) setStream((before) => ({ ...before, ...(changed as unknown as Stream) }));
      }),
      hear("stream:viewers", (body) => {
        if (body.stream_id === streamId) setViewers(body.viewers);
      }),
    ];
    return () => {
      for (const stop of stops) stop();
      clearTimeout(again);
      tell("stream:unwatch", { stream_id: streamId });
    };
  }, [streamId, turn]);

  useInterval(() => connection.peek() !== "online" && void load(), POLL_MS);
  // A recording's addresses may be known a moment after the end.
  useInterval(() => void load(), 3000, stream?.state === "ended" && !stream.playback.hls && justEnded(stream));
  return { stream, room, viewers, failure, setStream, again: () => setTurn((n) => n + 1) };
}

/** For the analytics of the stream's owner. */
const deviceOf = (): "mobile" | "desktop" => (matchMedia("(pointer: coarse)").matches ? "mobile" : "desktop");

const withAccess = (streamId: string): { access?: string } => {
  const held = accessTo(streamId);
  return held ? { access: held.access } : {};
};

const justEnded = (stream: Stream): boolean =>
  stream.ended_at !== null && Date.now() - Date.parse(stream.ended_at) < 60_000;
