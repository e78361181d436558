/** Emoji that float up over the picture, and the bar that sends them. */
import { useEffect, useRef } from "preact/hooks";
import { me } from "../../api/session";
import { ask, hear } from "../../realtime/socket";
import { calmMotion } from "../../ui/theme";
import { sentence } from "../../api/http";
import { toast } from "../../ui/toasts";
import fire from "./emoji/fire.svg";
import heart from "./emoji/heart.svg";
import laugh from "./emoji/laugh.svg";
import party from "./emoji/party.svg";
import thumb from "./emoji/thumb.svg";
import wow from "./emoji/wow.svg";
import { t } from "./words";

/** Drawn here, so that they look the same on every system; other emoji fly as text. */
const EMOJI = [
  ["❤️", "love", heart],
  ["🔥", "fire", fire],
  ["👍", "like", thumb],
  ["😂", "laughing", laugh],
  ["😮", "surprised", wow],
  ["🎉", "celebrate", party],
] as const;
const PICTURES = new Map<string, string>(EMOJI.map(([emoji, , picture]) => [emoji, picture]));
/** More than this at once is a blur that only costs frames. */
const MAX_FLYING = 40;
const MAX_PER_TICK = 10;

export function ReactionBar({ streamId }: { streamId: string }) {
  const react = async (emoji: string): Promise<void> => {
    if (!me.value) return toast(t("signInToReact"));
    try {
      await ask("stream:react", { stream_id: streamId, emoji });
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  return (
    <div class="reactions" role="group" aria-label={t("react")}>
      {EMOJI.map(([emoji, name, picture]) => (
        <button key={emoji} type="button" class="reaction" aria-label={t(name)} title={t(name)} onClick={() => void react(emoji)}>
          <img src={picture} alt="" width={24} height={24} />
        </button>
      ))}
    </div>
  );
}

function fly(into: HTMLElement, emoji: string): void {
  const node = document.createElement("span");
  const picture = PICTURES.get(emoji);
  if (picture) node.append(Object.assign(new Image(), { src: picture, alt: "" }));
  else node.textContent = emoji;
  node.style.insetInlineEnd = `${4 + Math.random() * 22}%`;
  into.append(node);
  const drift = (Math.random() - 0.5) * 80;
  const rise = into.clientHeight * (0.45 + Math.random() * 0.35);
  const frames = calmMotion()
    ? [{ opacity: 0 }, { opacity: 1, offset: 0.2 }, { opacity: 0 }]
    : [
        { transform: "translate(0, 0) scale(0.4)", opacity: 0 },
        { transform: `translate(${drift * 0.3}px, ${-rise * 0.2}px) scale(1.15)`, opacity: 1, offset: 0.15 },
        { transform: `translate(${drift}px, ${-rise}px) scale(0.9)`, opacity: 0 },
      ];
  const animation = node.animate(frames, { duration: 2200 + Math.random() * 900, easing: "cubic-bezier(.2,.6,.4,1)" });
  animation.onfinish = () => node.remove();
}

/** So far a player may be behind, and be waited for. */
const MOST_BEHIND_MS = 30_000;

/** `behindMs`: how far the player is behind what is happening; reactions rise at its moment. */
export function FloatingReactions({ streamId, behindMs }: { streamId: string; behindMs: () => number }) {
  const layer = useRef<HTMLDivElement>(null);
  const behind = useRef(behindMs);
  behind.current = behindMs;
  useEffect(() => {
    const due = new Set<ReturnType<typeof setTimeout>>();
    const show = (counts: Record<string, number>): void => {
      const into = layer.current;
      if (!into || document.hidden) return;
      const most = calmMotion() ? 1 : MAX_PER_TICK;
      for (const [emoji, n] of Object.entries(counts)) {
        for (let i = 0; i < Math.min(n, most) && into.childElementCount < MAX_FLYING; i++) fly(into, emoji);
      }
    };
    // The server sends them four times a second at most, so that few wait.
    const stop = hear("stream:reactions", ({ stream_id, counts }) => {
      if (stream_id !== streamId) return;
      const waits = setTimeout(() => {
        due.delete(waits);
        show(counts);
      }, Math.min(Math.max(0, behind.current()), MOST_BEHIND_MS));
      due.add(waits);
    });
    return () => {
      stop();
      for (const waits of due) clearTimeout(waits);
    };
  }, [streamId]);
  return <div class="floating" ref={layer} aria-hidden="true" />;
}
