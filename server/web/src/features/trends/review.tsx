/** Hashtags as admins review them. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";
import { Empty, Spinner } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { t } from "./words";
import "./trends.css";

type Reviewed = Answer<"listHashtagsForReview">["items"][number];
type Verdict = Body<"reviewHashtag">["verdict"];

const ACTS = [
  ["hidden", "hide"],
  ["allowed", "allow"],
  [null, "undo"],
] as const satisfies readonly (readonly [Verdict, string])[];

export default function HashtagReview() {
  const [items, setItems] = useState<Reviewed[] | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const read = (): void =>
    void call<Answer<"listHashtagsForReview">>("/admin/hashtags?limit=100").then((answer) => setItems(answer.items), setFailure);
  useEffect(read, []);
  const review = (tag: string, verdict: Verdict): void => {
    const before = items;
    setItems((held) => held && held.map((one) => (one.tag === tag ? { ...one, verdict } : one)));
    call(`/admin/hashtags/${encodeURIComponent(tag)}`, { method: "PUT", body: { verdict } }).catch((error: unknown) => {
      setItems(before);
      toast(sentence(error), "bad");
    });
  };
  if (failure) return <Empty title={sentence(failure)} />;
  if (!items) return <Spinner />;
  if (!items.length) return <Empty title={t("none")} />;
  return (
    <>
      <p>{t("about")}</p>
      <ul class="trends-list" aria-label={t("list")}>
        {items.map((one) => (
          <Row key={one.tag} one={one} onReview={(verdict) => review(one.tag, verdict)} />
        ))}
      </ul>
    </>
  );
}

function Row({ one, onReview }: { one: Reviewed; onReview: (verdict: Verdict) => void }) {
  return (
    <li class="trends-row">
      <span>
        <b dir="auto">#{one.tag}</b> <span class="trends-muted">{t("people", { n: one.people })}</span>{" "}
        {one.verdict && <span class="tag">{t(one.verdict)}</span>}
      </span>
      <span class="trends-acts">
        {ACTS.filter(([verdict]) => verdict !== one.verdict).map(([verdict, act]) => (
          <button key={act} type="button" class="button" aria-label={t("actOn", { act: t(act), tag: one.tag })} onClick={() => onReview(verdict)}>
            {t(act)}
          </button>
        ))}
      </span>
    </li>
  );
}
