/** The studio's panels for what is on the air without an encoder, and while it is away. */
import type { Stream } from "../../api/types";
import { ChannelPanel } from "./channel";
import { SlatePanel } from "./slate";
import { SourcePanel } from "./source";
import "./sources.css";

export function SourcePanels({ stream }: { stream: Stream | null }) {
  return (
    <>
      {stream && stream.state !== "ended" && (
        <>
          <SourcePanel key={`source-${stream.id}`} streamId={stream.id} />
          <ChannelPanel key={`channel-${stream.id}`} streamId={stream.id} />
        </>
      )}
      <SlatePanel />
    </>
  );
}
