/** What is for sale beside the player: for viewers to buy without leaving, for the streamer to choose. */
import { useEffect, useState } from "preact/hooks";
import { isThere } from "../../api/rooms";
import { me } from "../../api/session";
import type { Stream } from "../../api/types";
import { loginPath, navigate } from "../../router";
import { hear, onConnect } from "../../realtime/socket";
import { attempt } from "../../ui/sending";
import { money } from "../money/amounts";
import { Window } from "../rooms/window";
import { BuyForm } from "./buy";
import { hideListing, shelfOf, type Shown } from "./calls";
import { OpensIn, useOpening } from "./opening";
import { ShelfChoice } from "./shelf-choice";
import { t } from "./words";
import "./market.css";

function useShelf(streamId: string): [Shown[], (items: Shown[]) => void] {
  const [items, setItems] = useState<Shown[]>([]);
  useEffect(() => {
    setItems([]);
    const read = (): void => void shelfOf(streamId).then(setItems, () => undefined);
    read();
    const stop = [hear("market:shelf", (told) => void (told.stream_id === streamId && setItems(told.items))), onConnect(read)];
    return () => stop.forEach((end) => end());
  }, [streamId, me.value?.id]);
  return [items, setItems];
}

export function Shelf({ stream }: { stream: Stream }) {
  return isThere({ room: "market" }) ? <ShelfOf stream={stream} /> : null;
}

function ShelfOf({ stream }: { stream: Stream }) {
  const [items, setItems] = useShelf(stream.id);
  const [bought, setBought] = useState<Shown | null>(null);
  const [choosing, setChoosing] = useState(false);
  const isMine = me.value?.id === stream.owner.id;
  if (!items.length && !isMine) return null;
  const current = items.find((one) => one.listing_id === bought?.listing_id) ?? bought;
  const hide = (one: Shown): void => void attempt(() => hideListing(stream.id, one.listing_id).then(() => setItems(items.filter((other) => other !== one))));
  return (
    <section class="market-shelf" aria-labelledby="market-shelf">
      <h2 id="market-shelf" class="shelf-title">
        {t("shelf")}
      </h2>
      <ul class="market-shown">
        {items.map((one) => (
          <ShownItem key={one.listing_id} of={one} onBuy={isMine ? null : () => (me.value ? setBought(one) : navigate(loginPath()))} onHide={isMine ? () => hide(one) : null} />
        ))}
      </ul>
      {isMine && (
        <button type="button" class="button" onClick={() => setChoosing(true)}>
          {t("showListing")}
        </button>
      )}
      {choosing && (
        <Window title={t("showListing")} onDone={() => setChoosing(false)}>
          <ShelfChoice streamId={stream.id} shown={items} onShown={setItems} />
        </Window>
      )}
      {current && (
        <Window title={current.title} onDone={() => setBought(null)}>
          <BuyForm of={{ id: current.listing_id, ...current }} onBought={null} />
        </Window>
      )}
    </section>
  );
}

function ShownItem({ of: one, onBuy, onHide }: { of: Shown; onBuy: (() => void) | null; onHide: (() => void) | null }) {
  const opensIn = useOpening(one.opens_at);
  return (
    <li>
      {one.picture_url && <img src={one.picture_url} alt={one.picture_alt} loading="lazy" decoding="async" />}
      <span class="market-shown-text">
        <a href={`/market/${one.listing_id}`} dir="auto">
          {one.title}
        </a>
        <span>
          {money(one.price, one.currency)} · <span class="dim">{one.stock ? t("left", { n: one.stock }) : t("soldOut")}</span>
        </span>
      </span>
      {opensIn > 0 && <OpensIn seconds={opensIn} />}
      {onBuy && opensIn === 0 && (
        <button type="button" class="button accent small" disabled={!one.stock} aria-label={t("buyIt", { title: one.title })} onClick={onBuy}>
          {t("buyShort")}
        </button>
      )}
      {onHide && (
        <button type="button" class="button small" aria-label={t("hideIt", { title: one.title })} onClick={onHide}>
          {t("hide")}
        </button>
      )}
    </li>
  );
}
