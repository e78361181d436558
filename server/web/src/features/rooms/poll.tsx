import { shares } from "./board";
import type { Poll } from "./calls";
import { Card, Choice, Left } from "./card";
import { t } from "./words";

interface Props {
  poll: Poll;
  voted: number | null;
  /** Null for who may not vote. */
  onVote: ((option: number) => void) | null;
  onClose: (() => void) | null;
  isReplay?: boolean;
}

export function PollCard({ poll, voted, onVote, onClose, isReplay = false }: Props) {
  const isOpen = poll.state === "open";
  const votes = poll.options.map((option) => option.votes);
  const parts = shares(votes);
  const total = votes.reduce((sum, one) => sum + one, 0);
  return (
    <Card id={poll.id} label={t("poll")} question={poll.question} status={!isOpen ? t("closed") : isReplay ? "" : <Left until={poll.closes_at} />}>
      <ol class="choices">
        {poll.options.map(({ text, votes: n }, option) => (
          <Choice
            key={option}
            text={text}
            share={parts[option] ?? 0}
            detail={t("votes", { n })}
            isMine={voted === option}
            onChoose={onVote && isOpen && voted === null ? () => onVote(option) : null}
          />
        ))}
      </ol>
      <footer>
        <span>{t("votes", { n: total })}</span>
        {!onVote && isOpen && !isReplay && <span>{t("signIn")}</span>}
        {onClose && isOpen && (
          <button type="button" class="button small" onClick={onClose}>
            {t("close")}
          </button>
        )}
      </footer>
    </Card>
  );
}
