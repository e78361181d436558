/** Write a post, a reply or a quote. What is written is kept until it is sent. */
import { useEffect, useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { Avatar } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { createPost, type Post } from "./calls";
import { bodyOf, EMPTY, isEmpty, keepDraft, MAX_PICTURES, recallDraft, type Draft, type Picture } from "./draft";
import { PictureFields, PicturePicker } from "./pictures";
import { PollFields } from "./poll-fields";
import "./posts.css";
import { characters, MAX_CHARACTERS } from "./text";
import { t } from "./words";

const NEAR = 200;

interface Props {
  replyTo?: string;
  quote?: Post;
  /** The community that it is for: its members may read it, and others where it is open. */
  community?: string;
  /** Nobody else reads what is posted there. */
  isForMembers?: boolean;
  onSent?: (post: Post) => void;
  onDropQuote?: () => void;
  autoFocus?: boolean;
}

export function Composer({ replyTo, quote, community, isForMembers = false, onSent, onDropQuote, autoFocus = false }: Props) {
  const of = replyTo ?? (community ? `c-${community}` : "new");
  const [draft, setDraft] = useState<Draft>(() => recallDraft(of));
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState("");
  /** How many pictures are on their way. */
  const [sending, setSending] = useState(0);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => setDraft(recallDraft(of)), [of]);
  useEffect(() => {
    if (autoFocus) field.current?.focus();
  }, [of, autoFocus]);
  if (!me.value) return null;

  const changeBy = (by: (draft: Draft) => Draft): void =>
    setDraft((last) => {
      const next = by(last);
      keepDraft(of, next);
      return next;
    });
  const change = (changed: Partial<Draft>): void => changeBy((last) => ({ ...last, ...changed }));
  const add = (picture: Picture): void => changeBy((last) => ({ ...last, pictures: [...last.pictures, picture].slice(0, MAX_PICTURES) }));
  const clear = (): void => {
    setDraft(EMPTY);
    keepDraft(of, EMPTY);
    setFailure("");
  };
  const left = MAX_CHARACTERS - characters(draft.text);
  const options = draft.poll?.options.filter((one) => one.trim()).length ?? 2;
  const canSend = !busy && left >= 0 && options >= 2 && !sending && Boolean(draft.text.trim() || draft.poll || draft.pictures.length || quote);
  const send = async (event?: Event): Promise<void> => {
    event?.preventDefault();
    if (!canSend) return;
    setBusy(true);
    setFailure("");
    try {
      const { post } = await createPost(bodyOf(draft, { replyTo, quote, community }));
      clear();
      toast(t(post.state === "scheduled" ? "scheduled" : "sent"), "good");
      if (post.state === "published") onSent?.(post);
    } catch (error) {
      setFailure(sentence(error));
    } finally {
      setBusy(false);
    }
  };
  const label = t(replyTo ? "replyPlaceholder" : "placeholder");
  return (
    <form class="composer" onSubmit={(event) => void send(event)} aria-label={t(replyTo ? "reply" : "compose")}>
      <Avatar of={me.value} size={44} />
      <div class="composer-fields">
        {quote && (
          <p class="composer-quote">
            <span>{t.rich("quoting", { who: <bdi>{quote.author.display_name || quote.author.username}</bdi> })}</span>
            <button type="button" class="button small" onClick={onDropQuote}>
              {t("dropQuote")}
            </button>
          </p>
        )}
        {draft.warning !== null && (
          <input
            class="composer-warning"
            value={draft.warning}
            maxLength={200}
            dir="auto"
            aria-label={t("addWarning")}
            placeholder={t("warningText")}
            onInput={(event) => change({ warning: event.currentTarget.value })}
          />
        )}
        <textarea
          value={draft.text}
          rows={replyTo ? 2 : 3}
          dir="auto"
          aria-label={label}
          placeholder={label}
          ref={field}
          data-compose
          onInput={(event) => change({ text: event.currentTarget.value })}
          onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && void send(event)}
        />
        {draft.pictures.length > 0 && <PictureFields pictures={draft.pictures} onChange={(pictures) => change({ pictures })} />}
        {draft.poll && <PollFields poll={draft.poll} onChange={(poll) => change({ poll })} />}
        {failure && (
          <p class="form-error" role="alert">
            {failure}
          </p>
        )}
        <div class="composer-tools">
          <PicturePicker room={MAX_PICTURES - draft.pictures.length} onPicture={add} onSending={setSending} onFailure={setFailure} />
          <Tools draft={draft} isReply={Boolean(replyTo)} isInCommunity={Boolean(community)} isForMembers={isForMembers} onChange={change} />
          {left <= NEAR && (
            <span class={left < 0 ? "composer-left composer-over" : "composer-left"} role="status">
              {t("charactersLeft", { n: left })}
            </span>
          )}
          {!isEmpty(draft) && (
            <button type="button" class="button small" onClick={clear}>
              {t("dropDraft")}
            </button>
          )}
          <button type="submit" class="button accent" disabled={!canSend}>
            {t(draft.publishAt ? "schedule" : replyTo ? "sendReply" : "send")}
          </button>
        </div>
      </div>
    </form>
  );
}

interface ToolsProps {
  draft: Draft;
  isReply: boolean;
  isInCommunity: boolean;
  isForMembers: boolean;
  onChange: (changed: Partial<Draft>) => void;
}

function Tools({ draft, isReply, isInCommunity, isForMembers, onChange }: ToolsProps) {
  const togglePoll = (): void => onChange({ poll: draft.poll ? null : { options: ["", ""], seconds: 86_400, multiple: false } });
  return (
    <>
      <button type="button" class="button small" aria-pressed={draft.poll !== null} onClick={togglePoll}>
        {t(draft.poll ? "dropPoll" : "addPoll")}
      </button>
      <button type="button" class="button small" aria-pressed={draft.warning !== null} onClick={() => onChange({ warning: draft.warning === null ? "" : null })}>
        {t("addWarning")}
      </button>
      {!isReply && !isForMembers && (
        <select
          aria-label={t("visibility")}
          value={draft.visibility}
          onChange={(event) => onChange({ visibility: event.currentTarget.value as Draft["visibility"] })}
        >
          <option value="public">{t("public")}</option>
          {isInCommunity && <option value="community">{t("communityOnly")}</option>}
          {!isInCommunity && <option value="followers">{t("followersOnly")}</option>}
          {!isInCommunity && <option value="mentioned">{t("mentionedOnly")}</option>}
        </select>
      )}
      {!isReply && (
        <label class="composer-when">
          <span>{t("scheduleAt")}</span>
          <input type="datetime-local" value={draft.publishAt} onInput={(event) => onChange({ publishAt: event.currentTarget.value })} />
        </label>
      )}
    </>
  );
}
