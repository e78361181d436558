/** The streamer's own listings, to be shown in a stream at once or as a drop. */
import { useState } from "preact/hooks";
import { me } from "../../api/session";
import { usePages } from "../../ui/pages";
import { attempt } from "../../ui/sending";
import { money } from "../money/amounts";
import { listingsOf, showListing, type Shown } from "./calls";
import { Listed } from "./pages";
import { t } from "./words";

const WAITS_S = [0, 10, 60, 300, 900, 3600] as const;

export function ShelfChoice({ streamId, shown, onShown }: { streamId: string; shown: Shown[]; onShown: (items: Shown[]) => void }) {
  const pages = usePages((cursor) => listingsOf(me.value?.username ?? "", cursor), [me.value?.id ?? ""]);
  const [waitS, setWaitS] = useState(0);
  const show = (id: string): void => void attempt(() => showListing(streamId, id, waitS).then(onShown));
  return (
    <div class="stack">
      <label class="row">
        {t("opens")}
        <select value={waitS} onChange={(event) => setWaitS(Number(event.currentTarget.value))}>
          {WAITS_S.map((seconds) => (
            <option key={seconds} value={seconds}>
              {seconds === 0 ? t("atOnce") : seconds < 60 ? t("inSeconds", { n: seconds }) : t("inMinutes", { n: seconds / 60 })}
            </option>
          ))}
        </select>
      </label>
      <Listed of={pages} none={t("nothingToShow")}>
        {(one) => (
          <li key={one.id} class="market-order">
            <span>
              <strong dir="auto">{one.title}</strong> {shown.some((other) => other.listing_id === one.id) && <span class="badge">{t("isShown")}</span>}
            </span>
            <span class="dim">
              {money(one.price, one.currency)} · {one.stock ? t("left", { n: one.stock }) : t("soldOut")}
            </span>
            <button type="button" class="button small" aria-label={t("showIt", { title: one.title })} onClick={() => show(one.id)}>
              {t("show")}
            </button>
          </li>
        )}
      </Listed>
    </div>
  );
}
