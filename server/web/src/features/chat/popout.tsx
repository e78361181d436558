/** The chat of a stream in a window of its own. It counts no viewer. */
import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../../api/http";
import type { Stream } from "../../api/types";
import { Missing } from "../../ui/missing";
import { Spinner, useTitle } from "../../ui/parts";
import { Toasts } from "../../ui/toasts";
import { getStream } from "../streams/calls";
import { useJoined } from "./joined";
import { ChatPanel } from "./panel";
import { t } from "./words";

export default function PopoutChat({ streamId }: { streamId: string }) {
  const [stream, setStream] = useState<Stream | null>(null);
  const [isMissing, setMissing] = useState(false);
  useEffect(() => {
    getStream(streamId).then(setStream, (error: unknown) => setMissing(error instanceof ApiError && error.status === 404));
  }, [streamId]);
  if (isMissing) return <Missing />;
  return stream ? <Popped stream={stream} /> : <Spinner />;
}

function Popped({ stream }: { stream: Stream }) {
  const room = useJoined(stream.chat.room_id);
  useTitle(`${t("chat")} · ${stream.title}`);
  return (
    <div class="chat-popout">
      <ChatPanel stream={stream} room={room} reactions={false} />
      <Toasts />
    </div>
  );
}
