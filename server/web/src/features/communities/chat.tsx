/** The room of a community: the messages of a conversation whose people are its members. */
import { useEffect, useState } from "preact/hooks";
import { Spinner } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import "../messages/messages.css";
import type { Talk } from "../messages/names";
import { Room } from "../messages/room";
import { type Community, type Member, membersOf } from "./calls";

export function CommunityChat({ one }: { one: Community }) {
  const [people, setPeople] = useState<Member[] | null>(null);
  useEffect(() => void attempt(() => membersOf(one.name, "").then(({ items }) => setPeople(items))), [one.id]);
  if (!people || !one.room_id) return <Spinner />;
  const talk: Talk = { room_id: one.room_id, title: one.title, kind: "community", state: "open", people };
  return (
    <div class="community-chat">
      <Room one={talk} />
    </div>
  );
}
