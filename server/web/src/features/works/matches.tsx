/** Where works were found: both sides play beside one another, and each side does what is its to do. */
import { useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { ago, duration, percent } from "../../ui/format";
import { usePages } from "../../ui/pages";
import { Field, Spinner } from "../../ui/parts";
import { attempt, textOf, useSending } from "../../ui/sending";
import { decide, myMatches, type Act, type Match } from "./calls";
import { Compared } from "./compared";
import { matchState } from "./policies";
import { t } from "./words";

export function Matches() {
  const list = usePages<Match>(myMatches, []);
  return (
    <section class="panel" aria-labelledby="matches-list">
      <h2 id="matches-list">{t("matches")}</h2>
      {list.failure !== null && <p role="alert">{sentence(list.failure)}</p>}
      {!list.items && list.failure === null && <Spinner />}
      {list.items?.length === 0 && <p class="dim">{t("noMatches")}</p>}
      <ul class="works">
        {list.items?.map((match) => (
          <MatchItem key={match.id} match={match} onChange={list.replace} />
        ))}
      </ul>
      {list.next && (
        <button type="button" class="button" onClick={list.more}>
          {t("more")}
        </button>
      )}
    </section>
  );
}

function MatchItem({ match, onChange }: { match: Match; onChange: (match: Match) => void }) {
  const [isOpen, setOpen] = useState(false);
  const medium = match.video ?? match.stream;
  const who = match.role === "holder" ? medium?.owner : match.work.owner;
  const name = who ? who.display_name || who.username : "";
  const span = { from: duration(match.from_ms / 1000), to: duration(match.to_ms / 1000), at: duration(match.work_from_ms / 1000) };
  const told = [
    matchState(match.state),
    t("span", span),
    t("alike", { n: percent(match.score) }),
    match.credited && match.state !== "withdrawn" ? t("credited") : "",
    match.expires_at ? t("answerBy", { when: ago(match.expires_at) }) : "",
  ];
  return (
    <li class="match">
      <div class="work">
        <span class="work-text">
          <strong>
            {match.work.title} — {medium?.title || t("untitled")}
          </strong>
          <small>{match.role === "holder" ? t("yours", { who: name }) : t("theirs", { who: name })}</small>
          <small>{told.filter(Boolean).join(" · ")}</small>
          {match.reason && <small>{t("because", { reason: match.reason })}</small>}
        </span>
        <button type="button" class="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? t("close") : t("compare")}
        </button>
      </div>
      {isOpen && <Compared match={match} />}
      {match.role === "holder" ? <Decision match={match} onChange={onChange} /> : match.state === "open" && <Dispute match={match} onChange={onChange} />}
    </li>
  );
}

interface Change {
  match: Match;
  onChange: (match: Match) => void;
}

function Decision({ match, onChange }: Change) {
  const act = (what: Act): void => {
    if (what === "withdraw" && !confirm(t("confirmWithdraw"))) return;
    void attempt(async () => onChange((await decide(match.id, what)).match), t("done"));
  };
  if (match.state === "upheld" || match.state === "withdrawn") return null;
  return (
    <div class="row">
      {match.state === "disputed" && (
        <button type="button" class="button accent" onClick={() => act("uphold")}>
          {t("uphold")}
        </button>
      )}
      <button type="button" class="button" onClick={() => act("withdraw")}>
        {t("withdraw")}
      </button>
    </div>
  );
}

function Dispute({ match, onChange }: Change) {
  const { form, errors, busy, submit } = useSending(["reason"], async (data) => {
    onChange((await decide(match.id, "dispute", textOf(data, "reason"))).match);
  });
  return (
    <form ref={form} class="work-form" onSubmit={submit} noValidate>
      <Field label={t("why")} name={`reason-${match.id}`} error={errors.reason ?? errors[""]}>
        {(ids) => <textarea {...ids} name="reason" maxLength={1000} rows={2} dir="auto" />}
      </Field>
      <button class="button" disabled={busy}>
        {t("dispute")}
      </button>
    </form>
  );
}
