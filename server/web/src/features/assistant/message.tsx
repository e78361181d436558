/** One question or answer, with its sources and what it proposes. */
import { useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { confirmProposal, declineProposal } from "./calls";
import { isPlace, type Proposal } from "./events";
import type { Shown } from "./talk";
import { t } from "./words";

/** The text stays text: nothing in it becomes a link or a picture. */
export function Message({ of: one }: { of: Shown }) {
  const isAnswer = one.role === "assistant";
  return (
    <li class={isAnswer ? "assistant-answer" : "assistant-question"}>
      <span class="visually-hidden">{t(isAnswer ? "assistant" : "you")}</span>
      <p class="assistant-text" dir="auto">
        {one.text}
        {one.end === "coming" && <span class="assistant-caret" aria-hidden="true" />}
      </p>
      {one.end === "stopped" && <p class="dim">{t("stopped")}</p>}
      {one.end === "incomplete" && <p class="dim">{t("incomplete")}</p>}
      {one.proposal && <Confirmation of={one.proposal} />}
      {one.sources.length > 0 && <Sources of={one} />}
    </li>
  );
}

const Sources = ({ of: { sources } }: { of: Shown }) => (
  <section class="assistant-sources" aria-label={t("sources")}>
    <h2>{t("sources")}</h2>
    <ul>
      {sources.filter(isPlace).map((one) => (
        <li key={one.url}>
          <a href={one.url}>
            <bdi>{one.title}</bdi>
          </a>{" "}
          <span class="dim">{t(one.kind)}</span>
        </li>
      ))}
    </ul>
  </section>
);

type Decision = { title: string; url: string } | "declined";

function Confirmation({ of: proposal }: { of: Proposal }) {
  const [decision, setDecision] = useState<Decision | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const decide = async (decided: Promise<Decision>): Promise<void> => {
    setBusy(true);
    setFailure(null);
    await decided.then(setDecision, setFailure);
    setBusy(false);
  };
  if (decision === "declined") return <p role="status">{t("declined")}</p>;
  if (decision)
    return (
      <p role="status">
        <a href={decision.url}>{t("done", { title: decision.title })}</a>
      </p>
    );
  return (
    <section class="panel stack assistant-proposal" aria-label={t("proposal")}>
      <h2>{t("proposal")}</h2>
      <p class="dim">{t("proposalText")}</p>
      <strong dir="auto">{proposal.arguments.subject}</strong>
      <p class="assistant-text" dir="auto">
        {proposal.arguments.text}
      </p>
      {Boolean(failure) && (
        <p class="form-error" role="alert">
          {sentence(failure)}
        </p>
      )}
      <div class="row">
        <button type="button" class="button accent" disabled={busy} onClick={() => void decide(confirmProposal(proposal.id))}>
          {t("confirm")}
        </button>
        <button type="button" class="button" disabled={busy} onClick={() => void decide(declineProposal(proposal.id).then(() => "declined" as const))}>
          {t("decline")}
        </button>
      </div>
    </section>
  );
}
