/** A message with all replies to it, and to them. */
import { useEffect, useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import type { ChatEntry, ChatMessage } from "../../api/types";
import { ask, hear } from "../../realtime/socket";
import { clock } from "../../ui/format";
import { CloseIcon } from "../../ui/icons";
import { Spinner } from "../../ui/parts";
import type { Looks } from "./looks";
import { t } from "./words";
import { Badges, Written } from "./written";

interface Props {
  roomId: string;
  messageId: string;
  looks: Looks;
  onReply: ((message: ChatMessage) => void) | null;
  onClose: () => void;
}

export function Thread({ roomId, messageId, looks, onReply, onClose }: Props) {
  const [entries, setEntries] = useState<ChatEntry[] | null>(null);
  const [failure, setFailure] = useState("");
  const [news, setNews] = useState(0);
  const ids = useRef<ReadonlySet<string>>(new Set());
  ids.current = new Set(entries?.map(({ id }) => id));
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [messageId]);
  // Read again when one of its messages is answered or deleted.
  useEffect(() => {
    const isMine = (id: unknown): boolean => typeof id === "string" && ids.current.has(id);
    const stops = [
      hear("chat:messages", ({ messages }) => messages.some((one) => "reply_to" in one && isMine(one.reply_to)) && setNews((n) => n + 1)),
      hear("chat:deleted", ({ id }) => isMine(id) && setNews((n) => n + 1)),
      hear("chat:restored", ({ message }) => isMine(message.id) && setNews((n) => n + 1)),
    ];
    return () => stops.forEach((stop) => stop());
  }, []);
  useEffect(() => {
    let isOpen = true;
    ask("chat:thread", { room_id: roomId, message_id: messageId }).then(
      ({ messages }) => isOpen && setEntries(messages as unknown as ChatEntry[]),
      (error: unknown) => isOpen && setFailure(sentence(error)),
    );
    return () => void (isOpen = false);
  }, [roomId, messageId, news]);
  return (
    <section class="chat-thread" aria-labelledby="chat-thread" onKeyDown={(event) => event.key === "Escape" && onClose()}>
      <header>
        <h3 id="chat-thread" ref={heading} tabIndex={-1}>
          {t("thread")}
        </h3>
        <button type="button" class="icon-button small" aria-label={t("closeThread")} onClick={onClose}>
          <CloseIcon />
        </button>
      </header>
      {failure ? <p class="form-error">{failure}</p> : !entries && <Spinner />}
      <ol>
        {entries?.map((entry) => (
          <li key={entry.id}>
            {entry.deleted ? (
              <em>{t("deleted")}</em>
            ) : (
              <>
                <p>
                  <time dateTime={entry.sent_at}>{clock(entry.sent_at)}</time>{" "}
                  <Badges names={entry.user.badges ?? []} drawn={looks.badges} />
                  <strong>
                    <bdi>{entry.user.display_name}</bdi>
                  </strong>{" "}
                  <Written text={entry.text} emotes={looks.emotes} />
                </p>
                {onReply && (
                  <button type="button" onClick={() => onReply(entry)}>
                    {t("reply")}
                  </button>
                )}
              </>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
