/** The help centre: its articles, searched. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { language } from "../../i18n/language";
import { loginPath } from "../../router";
import { Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { type Found, searchHelp } from "./calls";
import { t } from "./words";
import "./help.css";

const PAUSE_MS = 250;

export default function HelpPage() {
  const [words, setWords] = useState("");
  const [found, setFound] = useState<Found[] | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(t("title"));
  useEffect(() => {
    let isLatest = true;
    const show = ({ items }: { items: Found[] }): void => {
      if (isLatest) setFound(items);
    };
    const timer = setTimeout(() => void searchHelp(words.trim()).then(show, setFailure), words ? PAUSE_MS : 0);
    return () => {
      isLatest = false;
      clearTimeout(timer);
    };
  }, [words, language.value]);
  return (
    <div class="page narrow help">
      <header class="help-head">
        <PageTitle>{t("title")}</PageTitle>
        <a class="button accent" href={me.value ? "/help/tickets" : loginPath()}>
          {t(me.value ? "ask" : "signIn")}
        </a>
      </header>
      <input
        class="help-search"
        type="search"
        value={words}
        maxLength={100}
        dir="auto"
        aria-label={t("search")}
        placeholder={t("search")}
        onInput={(event) => setWords(event.currentTarget.value)}
      />
      {!found && !failure && <Spinner />}
      {Boolean(failure) && <Empty title={sentence(failure)} />}
      {found?.length === 0 && <Empty title={t("none")} />}
      <ul class="help-list">
        {found?.map((one) => (
          <li key={one.slug} lang={one.language}>
            <a href={`/help/${one.slug}`}>
              <strong dir="auto">{one.title}</strong>
            </a>
            <p class="dim" dir="auto">
              {one.excerpt}
            </p>
          </li>
        ))}
      </ul>
    </div>
  );
}
