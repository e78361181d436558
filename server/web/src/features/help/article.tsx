/** An article of the help centre. */
import { useEffect, useState } from "preact/hooks";
import { language } from "../../i18n/language";
import { PageTitle, useTitle } from "../../ui/parts";
import { type Article, getArticle } from "./calls";
import { type Block, blocksOf, type Span } from "./markdown";
import { Unread } from "./parts";
import { t } from "./words";

export default function ArticlePage({ slug }: { slug: string }) {
  const [one, setOne] = useState<Article | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(one?.title ?? t("title"));
  useEffect(() => {
    setFailure(null);
    void getArticle(slug).then(setOne, setFailure);
  }, [slug, language.value]);
  if (!one || failure) return <Unread failure={failure} title={t("noArticle")} text={t("noArticleText")} />;
  return (
    <article class="page narrow help" lang={one.language} dir={one.language === "ar" ? "rtl" : "ltr"}>
      <PageTitle>{one.title}</PageTitle>
      {blocksOf(one.text).map((block, place) => (
        <Shown key={place} block={block} />
      ))}
      <p>
        <a href="/help">{t("title")}</a>
      </p>
    </article>
  );
}

function Shown({ block }: { block: Block }) {
  if (block.kind === "text") return <p>{spans(block.spans)}</p>;
  if (block.kind === "heading") return block.level === 2 ? <h2>{spans(block.spans)}</h2> : <h3>{spans(block.spans)}</h3>;
  const items = block.items.map((item, place) => <li key={place}>{spans(item)}</li>);
  return block.isOrdered ? <ol>{items}</ol> : <ul>{items}</ul>;
}

const spans = (all: Span[]) =>
  all.map((one, place) => {
    if (one.kind === "strong") return <strong key={place}>{one.text}</strong>;
    if (one.kind === "code") return <code key={place}>{one.text}</code>;
    if (one.kind === "link") {
      return (
        <a key={place} href={one.href}>
          {one.text}
        </a>
      );
    }
    return one.text;
  });
