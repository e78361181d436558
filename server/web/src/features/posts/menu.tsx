/** What else one does with a post: other reactions, share, pin, delete, take a quote back. */
import { useRef } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { shareLink } from "../../ui/share";
import { toast } from "../../ui/toasts";
import { askToReport } from "../safety/report";
import { t as tSafety } from "../safety/words";
import { withReaction } from "./acts";
import { deletePost, setPin, setReaction, withdrawQuote, type AnyPost, type Post } from "./calls";
import { MoreIcon } from "./icons";
import { t } from "./words";

const EMOJI = ["\u{1f602}", "\u{1f389}", "\u{1f525}", "\u{1f44f}", "\u{1f62e}", "\u{1f622}"];

/** What a place adds to the menus of its posts. What `act` answers is said; null: nothing was done. */
export interface MenuAct {
  label: string;
  act: () => Promise<string | null>;
}

interface Props {
  post: Post;
  acts?: readonly MenuAct[];
  onChange: (post: AnyPost) => void;
}

export function PostMenu({ post, acts = [], onChange }: Props) {
  const box = useRef<HTMLDetailsElement>(null);
  const mine = me.value?.id === post.author.id;
  const isQuotingMe = post.quoted !== null && post.quoted.author.id === me.value?.id && !mine;
  const run = (act: () => Promise<string | null | void>, done?: string): void => {
    if (box.current) box.current.open = false;
    box.current?.querySelector("summary")?.focus();
    act().then(
      (said) => void ((said ?? done) && toast(said ?? done ?? "", "good")),
      (error) => toast(sentence(error), "bad"),
    );
  };
  const remove = async (): Promise<void> => {
    if (!confirm(t("removeSure"))) return;
    await deletePost(post.id);
    onChange({ id: post.id, deleted: true });
    toast(t("removed"), "good");
  };
  const detach = async (): Promise<void> => {
    await withdrawQuote(post.id);
    onChange({ ...post, quote_of: null, quoted: null });
  };
  const react = async (emoji: string): Promise<void> => {
    const isOn = !post.viewer?.reactions.includes(emoji);
    onChange(withReaction(post, emoji, isOn));
    try {
      await setReaction(post.id, emoji, isOn);
    } catch (error) {
      onChange(post);
      throw error;
    }
  };
  const leave = (event: FocusEvent): void => {
    if (box.current && !box.current.contains(event.relatedTarget as Node | null)) box.current.open = false;
  };
  const escape = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || !box.current?.open) return;
    box.current.open = false;
    box.current.querySelector("summary")?.focus();
  };
  return (
    <details class="post-menu" ref={box} onFocusOut={leave} onKeyDown={escape}>
      <summary class="icon-button" aria-label={t("more")}>
        <MoreIcon />
      </summary>
      <div class="menu" tabIndex={-1}>
        <div class="post-menu-emoji" role="group" aria-label={t("moreReactions")}>
          {EMOJI.map((emoji) => (
            <button key={emoji} type="button" class="icon-button" aria-pressed={post.viewer?.reactions.includes(emoji)} onClick={() => run(() => react(emoji))}>
              {emoji}
            </button>
          ))}
        </div>
        <button type="button" onClick={() => run(() => shareLink(post.text.slice(0, 80) || t("post"), `/posts/${post.id}`))}>
          {t("share")}
        </button>
        {mine && (
          <>
            <button type="button" onClick={() => run(() => setPin(post.id, true), t("pinnedDone"))}>
              {t("pin")}
            </button>
            <button type="button" onClick={() => run(remove)}>
              {t("remove")}
            </button>
          </>
        )}
        {me.value && !mine && (
          <button type="button" onClick={() => run(async () => askToReport("post", post.id))}>
            {tSafety("report")}
          </button>
        )}
        {acts.map(({ label, act }) => (
          <button key={label} type="button" onClick={() => run(act)}>
            {label}
          </button>
        ))}
        {isQuotingMe && (
          <button type="button" onClick={() => run(detach, t("detached"))}>
            {t("detach")}
          </button>
        )}
      </div>
    </details>
  );
}
