/** A listing: its pictures, what buyers say of it, and the way to buy it. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { navigate } from "../../router";
import { ago, decimal } from "../../ui/format";
import { usePages } from "../../ui/pages";
import { Avatar, Fact, PageTitle, useTitle } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { money } from "../money/amounts";
import { BuyForm } from "./buy";
import { deleteListing, getListing, type Listing, type Order, reviewsOf } from "./calls";
import { OpensIn, useOpening } from "./opening";
import { Listed, Unread } from "./pages";
import { t } from "./words";

export default function ListingPage({ listingId }: { listingId: string }) {
  const [one, setOne] = useState<Listing | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(one?.title ?? t("title"));
  useEffect(() => {
    setOne(null);
    setFailure(null);
    void getListing(listingId).then(setOne, setFailure);
  }, [listingId, me.value?.id]);
  if (!one) return <Unread failure={failure} title={t("gone")} text={t("goneText")} />;
  const isMine = one.seller.id === me.value?.id;
  return (
    <div class="page narrow market-one">
      <Pictures of={one} />
      <PageTitle>
        <span dir="auto">{one.title}</span>
      </PageTitle>
      <div class="market-price">
        {money(one.price, one.currency)} {one.shipping > 0 && <span class="dim">{t("shippingOf", { amount: money(one.shipping, one.currency) })}</span>}
      </div>
      <a class="row" href={`/@${one.seller.username}`}>
        <Avatar of={one.seller} size={28} />
        <bdi>{one.seller.display_name}</bdi>
      </a>
      <p class="dim">
        {one.category && <span class="tag">{one.category}</span>} {one.place?.name && <Fact text={one.place.name} />}
        {one.state === "closed" ? t("closed") : one.stock ? t("left", { n: one.stock }) : t("soldOut")}
      </p>
      <p class="prose" dir="auto">
        {one.description}
      </p>
      {isMine ? <Own of={one} /> : one.state === "open" && one.stock > 0 && <Buy of={one} />}
      <Reviews of={one} />
    </div>
  );
}

function Pictures({ of: one }: { of: Listing }) {
  if (!one.pictures.length) return null;
  return (
    <div class="market-pictures">
      {one.pictures.map((picture) => (
        <img key={picture.id} src={picture.url} alt={picture.alt} width={picture.width ?? undefined} height={picture.height ?? undefined} />
      ))}
    </div>
  );
}

function Own({ of: one }: { of: Listing }) {
  const remove = (): void => {
    if (confirm(t("removeSure", { title: one.title }))) void attempt(() => deleteListing(one.id).then(() => navigate("/market")));
  };
  return (
    <div class="row">
      <a class="button" href={`/market/${one.id}/edit`}>
        {t("edit")}
      </a>
      <button type="button" class="button" onClick={remove}>
        {t("remove")}
      </button>
    </div>
  );
}

function Buy({ of: one }: { of: Listing }) {
  const opensIn = useOpening(one.opens_at);
  if (opensIn > 0) return <OpensIn seconds={opensIn} />;
  const goOn = (order: Order, payAt: string | null): void => (payAt ? location.assign(payAt) : navigate(`/market/orders/${order.id}`));
  return (
    <div class="panel">
      <BuyForm of={one} onBought={goOn} />
    </div>
  );
}

function Reviews({ of: one }: { of: Listing }) {
  const pages = usePages((cursor) => reviewsOf(one.id, cursor), [one.id]);
  const { stars, count } = one.rating;
  return (
    <section>
      <h2>{t("reviews", { n: count })}</h2>
      {stars != null && <p class="dim">{t("rating", { stars: decimal(stars, 1) })}</p>}
      <Listed of={pages} none={t("noReviews")}>
        {(review) => (
          <li key={review.id} class="market-review">
            <span>
              <bdi>{review.author.display_name}</bdi> · {t("rating", { stars: review.stars })} · {ago(review.created_at)}
            </span>
            <p dir="auto">{review.text}</p>
          </li>
        )}
      </Listed>
    </section>
  );
}
