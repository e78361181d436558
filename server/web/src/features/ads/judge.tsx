/** Advertisements that wait for a moderator. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { seconds } from "../../ui/format";
import { Empty, Spinner } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { judge, toJudge, type Creative } from "./calls";
import { t } from "./words";
import "./ads.css";

const STATES = { waiting: "stateWaiting", approved: "stateApproved", refused: "stateRefused" } as const;
const NAMES = ["waiting", "approved", "refused"] as const;

export default function Judge() {
  const [state, setState] = useState<(typeof NAMES)[number]>("waiting");
  const [items, setItems] = useState<Creative[] | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const load = (): void => {
    setItems(null);
    toJudge(state).then(({ items: found }) => setItems(found), setFailure);
  };
  useEffect(load, [state]);
  if (failure instanceof ApiError && failure.status === 403) return <Empty title={t("forModerators")} />;
  return (
    <div class="ads-page">
      <div class="row" role="group" aria-label={t("which")}>
        {NAMES.map((one) => (
          <button key={one} type="button" class="button" aria-pressed={state === one} onClick={() => setState(one)}>
            {t(STATES[one])}
          </button>
        ))}
      </div>
      {Boolean(failure) && <p role="status">{sentence(failure)}</p>}
      {!items && !failure && <Spinner />}
      {items?.length === 0 && <Empty title={t("nothingToJudge")} />}
      <ul class="ads-list">
        {items?.map((one) => (
          <li key={one.id}>
            <Case of={one} onDecided={load} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Case({ of: one, onDecided }: { of: Creative; onDecided: () => void }) {
  const [reason, setReason] = useState("");
  const decide = (state: "approved" | "refused"): void => void attempt(async () => judge(one.id, { state, reason }).then(onDecided));
  return (
    <article class="ads-card">
      <a href={`/videos/${one.video_id}`} target="_blank" rel="noopener">
        <bdi>{one.title || t("untitled")}</bdi> ({seconds(one.duration_ms / 1000)})
      </a>
      <span dir="auto">{t("ofCampaign", { campaign: one.campaign, owner: one.owner })}</span>
      <span dir="ltr" class="muted">
        {one.click_url}
      </span>
      <span>{one.labels.length ? one.labels.map((label) => t(label as "adult")).join(" · ") : t("noLabels")}</span>
      {one.reason && <span dir="auto">{one.reason}</span>}
      <label>
        {t("reason")}
        <input dir="auto" maxLength={500} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <div class="row">
        {one.state !== "approved" && (
          <button type="button" class="button accent" aria-label={t("approveIt", { title: one.title })} onClick={() => decide("approved")}>
            {t("approve")}
          </button>
        )}
        {one.state !== "refused" && (
          <button type="button" class="button" aria-label={t("refuseIt", { title: one.title })} onClick={() => decide("refused")}>
            {t("refuse")}
          </button>
        )}
      </div>
    </article>
  );
}
