/** One's own videos: what is sent, encoded and published, and recordings; several are changed or deleted at once. */
import { useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { usePages } from "../../ui/pages";
import { Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { changeVideo, deleteVideo, getVideo, myVideos, type Video } from "./calls";
import { VideoCard } from "./card";
import { useProgress } from "./progress";
import { Upload } from "./upload";
import { VisibilityOptions, type Visibility } from "./visibility";
import { t } from "./words";

/** Recordings have those of streams too. */
const NAMES = {
  public: () => t("public"),
  unlisted: () => t("unlisted"),
  followers: () => t("followers"),
  subscribers: () => t("subscribers"),
  private: () => t("private"),
  password: () => "",
} as const satisfies Record<Video["visibility"], () => string>;

export default function OwnVideos() {
  useTitle(t("yourVideos"));
  if (!me.value) {
    return (
      <div class="page centred">
        <PageTitle hidden>{t("yourVideos")}</PageTitle>
        <Empty title={t("signIn")}>
          <p>{t("signInText")}</p>
          <a class="button accent" href="/login?to=/videos">
            {t("signIn")}
          </a>
        </Empty>
      </div>
    );
  }
  return <Own key={me.value.id} />;
}

function Own() {
  const [round, setRound] = useState(0);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const list = usePages<Video>(myVideos, [String(round)]);
  const again = (): void => setRound((last) => last + 1);
  useProgress((id, state, progress) => {
    const known = list.items?.find((one) => one.id === id);
    if (known && state === "processing") list.replace({ ...known, progress });
    else void getVideo(id).then(list.replace, () => undefined);
  }, again);
  const done = (): void => {
    setChosen(new Set());
    again();
  };
  const choose = (id: string, isChosen: boolean): void =>
    setChosen((last) => new Set(isChosen ? [...last, id] : [...last].filter((one) => one !== id)));
  return (
    <div class="page">
      <PageTitle>{t("yourVideos")}</PageTitle>
      <Upload onPublished={again} />
      {chosen.size > 0 && <Bulk ids={[...chosen]} onDone={done} />}
      {list.failure !== null && <p role="alert">{sentence(list.failure)}</p>}
      {!list.items && list.failure === null && <Spinner />}
      {list.items?.length === 0 && (
        <Empty title={t("nothing")}>
          <p>{t("nothingText")}</p>
        </Empty>
      )}
      <ul class="grid">
        {list.items?.map((video) => (
          <VideoCard key={video.id} video={video}>
            <label class="video-choice">
              <input type="checkbox" checked={chosen.has(video.id)} onChange={(event) => choose(video.id, event.currentTarget.checked)} />
              <span class="dim">{NAMES[video.visibility]()}</span>
              <span class="visually-hidden">{t("chooseOne", { title: video.title })}</span>
            </label>
          </VideoCard>
        ))}
      </ul>
      {list.next && (
        <button type="button" class="button" onClick={list.more}>
          {t("more")}
        </button>
      )}
    </div>
  );
}

function Bulk({ ids, onDone }: { ids: string[]; onDone: () => void }) {
  const remove = async (): Promise<void> => {
    if (!confirm(t("confirmRemove", { n: ids.length }))) return;
    await attempt(async () => {
      for (const id of ids) await deleteVideo(id);
    }, t("removed"));
    onDone();
  };
  const show = async (visibility: Visibility): Promise<void> => {
    await attempt(async () => {
      for (const id of ids) await changeVideo(id, { visibility });
    }, t("saved"));
    onDone();
  };
  return (
    <div class="video-bulk" role="group" aria-label={t("videos")}>
      <label>
        {t("changeChosen")}{" "}
        <select value="" onChange={(event) => void show(event.currentTarget.value as Visibility)}>
          <option value="" disabled />
          <VisibilityOptions />
        </select>
      </label>
      <button type="button" class="button danger" onClick={() => void remove()}>
        {t("removeChosen", { n: ids.length })}
      </button>
    </div>
  );
}
