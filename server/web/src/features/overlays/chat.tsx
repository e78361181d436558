/** The chat over a picture: the newest message at the bottom. */
import { useEffect, useState } from "preact/hooks";
import type { ChatEntry, ChatMessage } from "../../api/types";
import { hear } from "../../realtime/socket";
import { hue } from "../../ui/format";
import { useTitle } from "../../ui/parts";
import { added, cleared, removed, shownOf } from "./lines";
import { useLooks } from "../chat/looks";
import { Badges, Written } from "../chat/written";
import { useOverlayRoom } from "./room";
import { t } from "./words";

export default function ChatOverlay() {
  useTitle(t("chat"));
  const [lines, setLines] = useState<ChatMessage[]>([]);
  const shown = useOverlayRoom((messages) => setLines(shownOf(messages)));
  const roomId = shown?.room_id;
  const looks = useLooks(shown?.owner);
  useEffect(() => {
    const stop = [
      hear("chat:messages", (body) => body.room_id === roomId && setLines((before) => added(before, body.messages as unknown as ChatEntry[]))),
      hear("chat:deleted", (body) => body.room_id === roomId && setLines((before) => removed(before, body.id))),
      hear("chat:cleared", (body) => body.room_id === roomId && setLines((before) => cleared(before, body.offset, body.user_id))),
    ];
    return () => stop.forEach((one) => one());
  }, [roomId]);
  return (
    <ol class="overlay-chat">
      {lines.map((line) => (
        <li key={line.id} class={line.announcement ? "overlay-announcement" : undefined}>
          <Badges names={line.user.badges ?? []} drawn={looks.badges} />
          <bdi class="overlay-name" style={{ "--h": hue(line.user.username) }}>
            {line.user.display_name}
          </bdi>{" "}
          <Written text={line.text} emotes={looks.emotes} />
        </li>
      ))}
    </ol>
  );
}
