/** An offer, and the way to who makes it. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { ago } from "../../ui/format";
import { Missing } from "../../ui/missing";
import { Avatar, Empty, Fact, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { deleteOffer, getOffer, type Offer, writeTo } from "./calls";
import { t } from "./words";
import "./local.css";

export default function OfferPage({ offerId }: { offerId: string }) {
  const [one, setOne] = useState<Offer | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(one?.title ?? t("title"));
  useEffect(() => void getOffer(offerId).then(setOne, setFailure), [offerId, me.value?.id]);
  if (failure instanceof ApiError && failure.status === 404) return <Missing title={t("gone")} text={t("goneText")} />;
  if (!one) return <div class="page centred">{failure ? <Empty title={sentence(failure)} /> : <Spinner />}</div>;
  const remove = (): void => {
    if (confirm(t("removeSure", { title: one.title }))) void attempt(() => deleteOffer(one.id).then(() => navigate("/local")));
  };
  const write = (): void => {
    if (!me.value) return navigate(loginPath());
    void attempt(async () => navigate(`/messages/${await writeTo(one.owner.username)}`));
  };
  return (
    <div class="page narrow local">
      <PageTitle>
        <span dir="auto">{one.title}</span>
      </PageTitle>
      <p class="dim">
        <span class="tag">{t(one.kind)}</span> {one.place.name && <Fact text={one.place.name} />}
        {one.starts_at && <Fact text={t("begins", { when: ago(one.starts_at) })} />}
        {t("ends", { when: ago(one.expires_at) })}
      </p>
      <a class="row" href={`/@${one.owner.username}`}>
        <Avatar of={one.owner} size={28} />
        <bdi>{one.owner.display_name}</bdi>
      </a>
      <p class="local-text" dir="auto">
        {one.text}
      </p>
      {one.owner.id === me.value?.id ? (
        <button type="button" class="button" onClick={remove}>
          {t("remove")}
        </button>
      ) : (
        <button type="button" class="button accent" onClick={write}>
          {t("write", { name: one.owner.display_name })}
        </button>
      )}
    </div>
  );
}
