/** What moderators have at hand over the chat: messages that wait, the pinned one, and which modes are on. */
import { ask } from "../../realtime/socket";
import { sentence } from "../../api/http";
import type { ChatMessage } from "../../api/types";
import { CloseIcon } from "../../ui/icons";
import { toast } from "../../ui/toasts";
import { call } from "../../api/session";
import type { Order } from "./commands";
import type { Looks } from "./looks";
import { t } from "./words";
import { Badges, Written } from "./written";

export interface Held {
  message: { id: string; user: { display_name: string; username: string }; text: string };
  reason: string;
}

export type Mode = Record<string, unknown>;
type Event = Parameters<typeof ask>[0];

/** Carry out an act; what the server refuses is shown. */
export async function act(event: string, body: object): Promise<boolean> {
  try {
    await ask(event as Event, body as never);
    return true;
  } catch (error) {
    toast(sentence(error), "bad");
    return false;
  }
}

/** Carry out what was written behind a slash. `known`: ids of people seen here, by their names in small letters. */
export async function obey(order: Order, roomId: string, known: ReadonlyMap<string, string>): Promise<boolean> {
  const { event, ...rest } = order;
  if (!("username" in rest)) return act(event, { room_id: roomId, ...rest });
  const { username, ...more } = rest;
  try {
    const user_id = known.get(username.toLowerCase()) ?? (await call<{ id: string }>(`/users/${encodeURIComponent(username)}`)).id;
    return await act(event, { room_id: roomId, user_id, ...more });
  } catch (error) {
    toast(sentence(error), "bad");
    return false;
  }
}

interface PinnedProps {
  message: ChatMessage;
  looks: Looks;
  onUnpin: (() => void) | null;
}

export function Pinned({ message, looks, onUnpin }: PinnedProps) {
  return (
    <aside class="chat-pinned" aria-label={t("pinned")}>
      <p>
        <Badges names={message.user.badges ?? []} drawn={looks.badges} />
        <strong>
          <bdi>{message.user.display_name}</bdi>
        </strong>{" "}
        <Written text={message.text} emotes={looks.emotes} />
      </p>
      {onUnpin && (
        <button type="button" class="icon-button small" aria-label={t("unpin")} onClick={onUnpin}>
          <CloseIcon />
        </button>
      )}
    </aside>
  );
}

/** The names of the modes that are on. */
export function modesOn(mode: Mode | null): string[] {
  if (!mode) return [];
  const slow = Number(mode["slow_seconds"] ?? 0);
  const on: [boolean, string][] = [
    [mode["shield"] === true, t("modeShield")],
    [slow > 0, t("modeSlow", { n: slow })],
    [typeof mode["followers_only_seconds"] === "number", t("modeFollowers")],
    [mode["subscribers_only"] === true, t("modeSubscribers")],
    [mode["emotes_only"] === true, t("modeEmotes")],
    [mode["unique"] === true, t("modeUnique")],
  ];
  return on.filter(([isOn]) => isOn).map(([, name]) => name);
}

interface ModesProps {
  mode: Mode | null;
  /** Null for those who do not moderate. */
  onShield: ((isOn: boolean) => void) | null;
}

export function Modes({ mode, onShield }: ModesProps) {
  const on = modesOn(mode);
  if (!on.length && !onShield) return null;
  const isShielded = mode?.["shield"] === true;
  return (
    <p class="chat-modes">
      {on.map((name) => (
        <span key={name}>{name}</span>
      ))}
      {onShield && (
        <button type="button" aria-pressed={isShielded} onClick={() => onShield(!isShielded)}>
          {isShielded ? t("shieldOff") : t("shieldOn")}
        </button>
      )}
    </p>
  );
}

const REASONS: Readonly<Record<string, () => string>> = {
  word: () => t("heldWord"),
  link: () => t("heldLink"),
  repeats: () => t("heldRepeats"),
  capitals: () => t("heldCapitals"),
};

interface HeldProps {
  held: Held[];
  onReview: (id: string, allow: boolean) => void;
}

export function HeldMessages({ held, onReview }: HeldProps) {
  if (!held.length) return null;
  return (
    <section class="chat-held" aria-label={t("heldMessages")}>
      <h3>{t("heldCount", { n: held.length })}</h3>
      <ul>
        {held.map(({ message, reason }) => (
          <li key={message.id}>
            <p>
              <strong>
                <bdi>{message.user.display_name}</bdi>
              </strong>{" "}
              <bdi>{message.text}</bdi>
              <small>{REASONS[reason]?.() ?? reason}</small>
            </p>
            <button type="button" onClick={() => onReview(message.id, true)}>
              {t("allow")}
            </button>
            <button type="button" onClick={() => onReview(message.id, false)}>
              {t("refuse")}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
