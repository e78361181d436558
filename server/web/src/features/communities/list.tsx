/** All communities and one's own, with a search, and the way to a new one. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { PageList } from "../../ui/page-list";
import { Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { type Community, listCommunities } from "./calls";
import { CommunityCard } from "./card";
import { NewCommunity } from "./new";
import { t } from "./words";
import "./communities.css";

const PAUSE_MS = 250;

export default function CommunitiesPage() {
  const [words, setWords] = useState("");
  const [isJoined, setJoined] = useState(false);
  const [isNew, setNew] = useState(false);
  const [list] = useState(() => new PageList<Community>());
  useTitle(t("title"));
  const read = (cursor: string) => listCommunities(words.trim(), isJoined, cursor);
  useEffect(() => {
    const timer = setTimeout(() => void list.begin(read), words ? PAUSE_MS : 0);
    return () => clearTimeout(timer);
  }, [words, isJoined, me.value?.id]);
  const { items, next, failure } = list.state.value;
  return (
    <div class="page">
      <header class="communities-head">
        <PageTitle>{t("title")}</PageTitle>
        {me.value && (
          <button type="button" class="button accent" onClick={() => setNew(true)}>
            {t("begin")}
          </button>
        )}
      </header>
      <div class="communities-tools">
        <input
          type="search"
          value={words}
          maxLength={100}
          dir="auto"
          aria-label={t("search")}
          placeholder={t("search")}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
        {me.value && (
          <div class="row" role="group" aria-label={t("which")}>
            {[false, true].map((one) => (
              <button key={String(one)} type="button" class="button" aria-pressed={isJoined === one} onClick={() => setJoined(one)}>
                {t(one ? "yours" : "all")}
              </button>
            ))}
          </div>
        )}
      </div>
      {Boolean(failure) && (
        <Empty title={sentence(failure)}>
          <button type="button" class="button" onClick={() => void (items ? list.more() : list.begin(read))}>
            {t("retry")}
          </button>
        </Empty>
      )}
      {!items && !failure && <Spinner />}
      {items?.length === 0 && (
        <Empty title={t("none")}>
          <p>{t("noneText")}</p>
        </Empty>
      )}
      {items && items.length > 0 && (
        <ul class="communities-grid">
          {items.map((one) => (
            <CommunityCard key={one.id} of={one} />
          ))}
        </ul>
      )}
      {next && !failure && (
        <button type="button" class="button more" onClick={() => void list.more()}>
          {t("more")}
        </button>
      )}
      {isNew && <NewCommunity onDone={() => setNew(false)} />}
    </div>
  );
}
