/** What is for sale: searched, everywhere or near the viewer. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { usePages } from "../../ui/pages";
import { useTitle } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { listListings } from "./calls";
import { ListingCard } from "./card";
import { Head, Listed } from "./pages";
import { t } from "./words";

const PAUSE_MS = 250;

export default function MarketPage() {
  const [words, setWords] = useState("");
  const [asked, setAsked] = useState("");
  const [near, setNear] = useState("");
  useTitle(t("title"));
  useEffect(() => {
    const timer = setTimeout(() => setAsked(words.trim()), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [words]);
  const pages = usePages((cursor) => listListings(asked, near, cursor), [asked, near, me.value?.id ?? ""]);
  const locate = (): void =>
    navigator.geolocation?.getCurrentPosition(
      ({ coords }) => setNear(`${coords.latitude.toFixed(2)},${coords.longitude.toFixed(2)}`),
      () => toast(t("noPlace"), "bad"),
    );
  return (
    <div class="page">
      <Head>
        {me.value && (
          <a class="button accent" href="/market/new">
            {t("sell")}
          </a>
        )}
      </Head>
      <div class="market-tools">
        <input
          type="search"
          value={words}
          maxLength={100}
          dir="auto"
          aria-label={t("search")}
          placeholder={t("search")}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
        <button type="button" class="button" onClick={() => (near ? setNear("") : locate())}>
          {t(near ? "everywhere" : "near")}
        </button>
      </div>
      <Listed of={pages} none={t("none")}>
        {(one) => <ListingCard key={one.id} of={one} />}
      </Listed>
    </div>
  );
}
