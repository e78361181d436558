/** What people offer: in a list, and near the viewer also on a map that needs nothing from elsewhere. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { ago, decimal } from "../../ui/format";
import { usePages } from "../../ui/pages";
import { Empty, Fact, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { listOffers, type Offer, RADIUS_KM, whereIAm } from "./calls";
import { offset, spotOf } from "./projection";
import { t } from "./words";
import "./local.css";

export const KINDS = ["goods", "jobs", "help", "events"] as const;
const PAUSE_MS = 250;

export default function LocalPage() {
  const [words, setWords] = useState("");
  const [asked, setAsked] = useState("");
  const [kind, setKind] = useState("");
  const [near, setNear] = useState("");
  useTitle(t("title"));
  useEffect(() => {
    const timer = setTimeout(() => setAsked(words.trim()), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [words]);
  const { items, next, failure, more } = usePages((cursor) => listOffers(asked, near, kind, cursor), [asked, near, kind, me.value?.id ?? ""]);
  const locate = (): void => void whereIAm().then(setNear, () => toast(t("noPlace"), "bad"));
  return (
    <div class="page local">
      <header class="local-head">
        <PageTitle>{t("title")}</PageTitle>
        {me.value && (
          <a class="button accent" href="/local/new">
            {t("offerIt")}
          </a>
        )}
      </header>
      <div class="local-head">
        <input
          type="search"
          value={words}
          maxLength={100}
          dir="auto"
          aria-label={t("search")}
          placeholder={t("search")}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
        <select aria-label={t("kind")} onChange={(event) => setKind(event.currentTarget.value)}>
          <option value="">{t("all")}</option>
          {KINDS.map((one) => (
            <option key={one} value={one}>
              {t(one)}
            </option>
          ))}
        </select>
        <button type="button" class="button" onClick={() => (near ? setNear("") : locate())}>
          {t(near ? "everywhere" : "near")}
        </button>
      </div>
      {near && items && <Map near={near} offers={items} />}
      {!items && !failure && <Spinner />}
      {items?.length === 0 && <Empty title={t("none")} />}
      <ul class="local-list">
        {items?.map((one) => (
          <OfferRow key={one.id} of={one} />
        ))}
      </ul>
      {Boolean(failure) && (
        <Empty title={sentence(failure)}>
          <button type="button" class="button" onClick={more}>
            {t("retry")}
          </button>
        </Empty>
      )}
      {next && !failure && (
        <button type="button" class="button more" onClick={more}>
          {t("more")}
        </button>
      )}
    </div>
  );
}

function OfferRow({ of: one }: { of: Offer }) {
  return (
    <li>
      <a href={`/local/${one.id}`}>
        <strong dir="auto">{one.title}</strong>
      </a>
      <p class="dim">
        <span class="tag">{t(one.kind)}</span> {one.place.name && <Fact text={one.place.name} />}
        {one.distance_km != null && <Fact text={t("away", { km: decimal(one.distance_km, 1) })} />}
        {one.starts_at ? t("begins", { when: ago(one.starts_at) }) : t("ends", { when: ago(one.expires_at) })}
      </p>
    </li>
  );
}

/** A circle of the radius, north on top, with a mark an offer. */
function Map({ near, offers }: { near: string; offers: readonly Offer[] }) {
  const middle = spotOf(near);
  if (!middle) return null;
  const size = RADIUS_KM;
  return (
    <svg class="local-map" viewBox={`${-size} ${-size} ${2 * size} ${2 * size}`} role="group" aria-label={t("map", { n: offers.length })}>
      {[1, 0.5, 0.25].map((share) => (
        <circle key={share} r={size * share} class="local-ring" />
      ))}
      <circle r={size / 60} class="local-me" />
      {offers.map((one) => {
        const { x, y } = offset(middle, one.place);
        return (
          <a key={one.id} href={`/local/${one.id}`} aria-label={one.title}>
            <circle cx={x} cy={y} r={size / 35} class="local-mark">
              <title>{one.title}</title>
            </circle>
          </a>
        );
      })}
    </svg>
  );
}
