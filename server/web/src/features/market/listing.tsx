/** A listing: its pictures, what buyers say of it, and the way to buy it. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { ago, decimal } from "../../ui/format";
import { usePages } from "../../ui/pages";
import { Avatar, Field, PageTitle, useTitle } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { money } from "../money/amounts";
import { deleteListing, getListing, type Listing, makeOrder, reviewsOf } from "./calls";
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
      <p class="market-price">
        {money(one.price, one.currency)} {one.shipping > 0 && <span class="dim">{t("shippingOf", { amount: money(one.shipping, one.currency) })}</span>}
      </p>
      <a class="row" href={`/@${one.seller.username}`}>
        <Avatar of={one.seller} size={28} />
        <bdi>{one.seller.display_name}</bdi>
      </a>
      <p class="dim">
        {one.category && <span class="tag">{one.category}</span>} {one.state === "closed" ? t("closed") : one.stock ? t("left", { n: one.stock }) : t("soldOut")}{" "}
        <bdi>{one.place?.name}</bdi>
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

/** The form of an order; the price that is shown is the one that is paid. */
export function Buy({ of: one }: { of: Listing }) {
  const [quantity, setQuantity] = useState(1);
  const { form, errors, busy, submit } = useSending(["quantity", "deliver_to"], async (data) => {
    if (!me.value) return navigate(loginPath());
    const { order, checkout_url } = await makeOrder({ listing_id: one.id, quantity, price: one.price, deliver_to: textOf(data, "deliver_to") });
    toast(order.is_test ? `${t("ordered")} ${t("testMoney")}` : t("ordered"), "good");
    if (!order.is_test && checkout_url) location.assign(checkout_url);
    else navigate(`/market/orders/${order.id}`);
  });
  const most = Math.min(one.stock, 100);
  return (
    <form class="stack panel" ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      <Field label={t("quantity")} name="quantity" error={errors["quantity"]}>
        {(ids) => (
          <input {...ids} name="quantity" type="number" min={1} max={most} value={quantity} onInput={(event) => setQuantity(Math.max(1, Number(event.currentTarget.value) || 1))} />
        )}
      </Field>
      <Field label={t("deliverTo")} name="deliver_to" hint={t("deliverHint")} error={errors["deliver_to"]}>
        {(ids) => <textarea {...ids} name="deliver_to" rows={2} maxLength={1000} dir="auto" autocomplete="street-address" />}
      </Field>
      <button type="submit" class="button accent" disabled={busy}>
        {t("buy", { amount: money(one.price * quantity + one.shipping, one.currency) })}
      </button>
      <p class="hint">{t("held")}</p>
    </form>
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
