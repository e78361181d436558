/** What was found for the words of the address, `/search?q=…`. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import type { Stream } from "../../api/types";
import { query } from "../../router";
import { Empty, PageTitle, useTitle } from "../../ui/parts";
import { GridSkeleton, StreamGrid } from "../streams/card";
import { searchStreams } from "./calls";
import { t } from "./words";

/** A broadcast that ended without a recording has nothing to show. */
const hasPicture = (stream: Stream): boolean => stream.state !== "ended" || Boolean(stream.playback.hls);

interface Found {
  streams: Stream[] | null;
  failure: string | null;
}

function useFound(words: string): Found {
  const [found, setFound] = useState<Found>({ streams: null, failure: null });
  useEffect(() => {
    const abort = new AbortController();
    setFound({ streams: words ? null : [], failure: null });
    if (!words) return;
    searchStreams(words, abort.signal).then(
      ({ items }) => setFound({ streams: items.filter(hasPicture), failure: null }),
      (error: unknown) => abort.signal.aborted || setFound({ streams: [], failure: sentence(error) }),
    );
    return () => abort.abort();
  }, [words]);
  return found;
}

export default function Search() {
  const words = (new URLSearchParams(query.value).get("q") ?? "").trim();
  const { streams, failure } = useFound(words);
  useTitle(words ? t("titleOf", { words }) : t("title"));
  return (
    <div class="page">
      <header class="search-head">
        <PageTitle>{words ? t("titleOf", { words }) : t("title")}</PageTitle>
        <p class="dim" role="status">
          {words && streams && !failure && streams.length > 0 ? t("found", { n: streams.length }) : ""}
        </p>
      </header>
      {!streams && <GridSkeleton />}
      {streams && streams.length > 0 && <StreamGrid streams={streams} />}
      {streams?.length === 0 && (
        <Empty title={failure ?? (words ? t("nothing") : t("ask"))}>
          <p>{failure ? "" : t("hint")}</p>
        </Empty>
      )}
    </div>
  );
}
