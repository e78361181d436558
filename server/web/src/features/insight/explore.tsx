/** What one may like, with the reason of each, and a way to have less or more like it. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { call, me } from "../../api/session";
import type { Answer, Body } from "../../api/types";
import { Avatar, Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { VideoCard } from "../library/card";
import { PostCard } from "../posts/card";
import { StreamCard } from "../streams/card";
import "./insight.css";
import { t } from "./words";

type Item = Answer<"listRecommendations">["items"][number];
type Verdict = Body<"sendRecommendationFeedback">["kind"];

const KINDS = ["streams", "videos", "people", "posts"] as const;
type Kind = (typeof KINDS)[number];
const REASONS = {
  alike: "alike",
  followed: "followed",
  friends: "friends",
  trending: "trending",
  similar: "similar",
  affinity: "affinity",
  more: "more",
  new: "new",
} as const satisfies Record<Item["reason"], string>;

export default function Explore() {
  useTitle(t("explore"));
  const [kind, setKind] = useState<Kind>("streams");
  const [items, setItems] = useState<Item[] | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => {
    setItems(null);
    setFailure(null);
    void call<Answer<"listRecommendations">>(`/recommendations?kind=${kind}`).then((answer) => setItems(answer.items), setFailure);
  }, [kind]);
  const say = (id: string, verdict: Verdict): void => {
    call(`/recommendations/${id}/feedback`, { method: "POST", body: { kind: verdict } }).then(
      () => {
        toast(t(verdict === "more" ? "thanksMore" : "thanks"));
        if (verdict !== "more") setItems((held) => held && held.filter((one) => one.id !== id));
      },
      (error: unknown) => toast(sentence(error), "bad"),
    );
  };
  return (
    <div class="page">
      <PageTitle>{t("explore")}</PageTitle>
      <div class="insight-choices" role="group" aria-label={t("kinds")}>
        {KINDS.map((one) => (
          <button key={one} type="button" class="button" aria-pressed={one === kind} onClick={() => setKind(one)}>
            {t(one)}
          </button>
        ))}
      </div>
      {failure ? <Empty title={sentence(failure)} /> : !items ? <Spinner /> : !items.length && <Empty title={t("nothing")} />}
      {items && items.length > 0 && (
        <div class={kind === "posts" || kind === "people" ? "insight-column" : "insight-grid"}>
          {items.map((one) => (
            <article key={one.id} class="insight-item">
              <Shown of={one} />
              <p class="insight-muted">{t("why", { reason: t(REASONS[one.reason]) })}</p>
              {me.value && (
                <p class="insight-acts">
                  <button type="button" class="button" onClick={() => say(one.id, "more")}>
                    {t("wantMore")}
                  </button>
                  <button type="button" class="button" onClick={() => say(one.id, "less")}>
                    {t("wantLess")}
                  </button>
                </p>
              )}
            </article>
          ))}
        </div>
      )}
    </div>
  );
}

function Shown({ of: one }: { of: Item }) {
  if (one.kind === "post") return <PostCard post={one} />;
  if (one.kind === "person") {
    return (
      <a class="insight-person" href={`/@${one.username}`}>
        <Avatar of={one} size={48} /> <bdi>{one.display_name || one.username}</bdi>
      </a>
    );
  }
  return <ul class="insight-bare">{one.kind === "video" ? <VideoCard video={one} /> : <StreamCard stream={one} />}</ul>;
}
