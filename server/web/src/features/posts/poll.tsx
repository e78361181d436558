/** The poll of a post: to vote in, and its result for who has voted. */
import { useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { ago } from "../../ui/format";
import { toast } from "../../ui/toasts";
import { shares } from "./acts";
import { vote, type AnyPost, type SinglePost } from "./calls";
import { t } from "./words";

export type Voted = (post: AnyPost) => void;
type Poll = NonNullable<SinglePost["poll"]>;

export function PostPoll({ post, poll, onVoted }: { post: SinglePost; poll: Poll; onVoted?: Voted }) {
  const percent = shares(poll);
  const hasVoted = Boolean(post.viewer?.voted.length);
  const isOpen = poll.state === "open" && !hasVoted && onVoted;
  return (
    <div class="post-poll">
      {isOpen ? <Ballot post={post} poll={poll} onVoted={onVoted} /> : <Result poll={poll} percent={percent} voted={post.viewer?.voted ?? []} />}
      <p class="post-poll-foot">
        {t("voters", { n: poll.voters })}
        {poll.ends_at && <> · {poll.state === "closed" ? t("pollEnded") : t("pollEnds", { when: ago(poll.ends_at) })}</>}
      </p>
    </div>
  );
}

function Ballot({ post, poll, onVoted }: { post: SinglePost; poll: Poll; onVoted: Voted }) {
  const [chosen, setChosen] = useState<number[]>([]);
  const [busy, setBusy] = useState(false);
  const choose = (index: number, isOn: boolean): void =>
    setChosen(poll.multiple ? [...chosen.filter((one) => one !== index), ...(isOn ? [index] : [])] : [index]);
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!me.value) return navigate(loginPath());
    setBusy(true);
    try {
      onVoted(await vote(post.id, chosen));
    } catch (error) {
      toast(sentence(error), "bad");
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void send(event)}>
      {poll.options.map((option, index) => (
        <label key={index} class="post-option">
          <input
            type={poll.multiple ? "checkbox" : "radio"}
            name={`poll-${post.id}`}
            checked={chosen.includes(index)}
            onChange={(event) => choose(index, event.currentTarget.checked)}
          />
          <span dir="auto">{option.text}</span>
        </label>
      ))}
      <button type="submit" class="button" disabled={!chosen.length || busy}>
        {t("vote")}
      </button>
    </form>
  );
}

function Result({ poll, percent, voted }: { poll: Poll; percent: number[] | null; voted: readonly number[] }) {
  return (
    <ul>
      {poll.options.map((option, index) => (
        <li key={index} class="post-result" style={{ "--share": `${percent?.[index] ?? 0}%` }}>
          <span dir="auto">{option.text}</span>
          {voted.includes(index) && <span class="badge">{t("yourVote")}</span>}
          {percent && <b>{percent[index]}%</b>}
        </li>
      ))}
    </ul>
  );
}
