/** What moderators may do with a message, and with who wrote it. */
import type { ChatMessage } from "../../api/types";
import type { RowAction } from "./log";
import { act } from "./moderation";
import { t } from "./words";

const TIMEOUT_S = 600;

/** What a moderator may do with a message. The server decides; this only shows the buttons. */
export function moderating(roomId: string, message: ChatMessage, isOwn: boolean): RowAction[] {
  const of = { room_id: roomId, message_id: message.id };
  const pin = { label: t("pin"), act: () => void act("chat:pin", of) };
  return isOwn ? [pin] : [pin, ...ofPerson(roomId, message)];
}

/** What a moderator may do with who wrote a message. */
export function ofPerson(roomId: string, message: ChatMessage): RowAction[] {
  const by = { room_id: roomId, user_id: message.user.id };
  return [
    { label: t("timeOut"), act: () => void act("chat:timeout", { ...by, seconds: TIMEOUT_S }) },
    { label: t("ban"), act: () => void act("chat:ban", by) },
  ];
}
