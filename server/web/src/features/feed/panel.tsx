/** The feeds of a person, one at a time, for whatever page shows them. */
import { useEffect } from "preact/hooks";
import { me } from "../../api/session";
import { Composer } from "../posts/composer";
import { ORDERS, type Kind, type Order, type Post } from "./calls";
import { Endless } from "./endless";
import { chosen, listOf, published, start } from "./store";
import { Trends } from "./trends";
import { t } from "./words";
import "./feed.css";

const KINDS: readonly Kind[] = ["home", "live", "explore"];

export function FeedPanel() {
  useEffect(start, []);
  const kinds = me.value ? KINDS : KINDS.slice(1);
  const kind = kinds.includes(chosen.value.kind) ? chosen.value.kind : "explore";
  const order = chosen.value.order;
  const choose = (to: Partial<typeof chosen.value>): void => void (chosen.value = { kind, order, ...to });
  const sent = (post: Post): void => {
    published(post);
    if (kind === "live") choose({ kind: "home" });
  };
  return (
    <div class="feed">
      <Composer onSent={sent} />
      <div class="feed-head">
        <Choice label={t("kinds")} of={kinds} here={kind} onChoose={(to) => choose({ kind: to })} />
        {kind !== "live" && <Choice label={t("order")} of={ORDERS} here={order} onChoose={(to) => choose({ order: to })} />}
      </div>
      {kind === "explore" && <Trends />}
      <Endless key={`${kind} ${order}`} list={listOf(kind, order)} kind={kind} onExplore={() => choose({ kind: "explore" })} />
      <p class="feed-keys">{t("keys")}</p>
    </div>
  );
}

function Choice<T extends Kind | Order>({ label, of, here, onChoose }: { label: string; of: readonly T[]; here: T; onChoose: (to: T) => void }) {
  return (
    <div class="feed-choice" role="group" aria-label={label}>
      {of.map((one) => (
        <button key={one} type="button" class="button" aria-pressed={one === here} onClick={() => onChoose(one)}>
          {t(one as Kind | Order)}
        </button>
      ))}
    </div>
  );
}
