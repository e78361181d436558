/** Which of one's videos are registered, and a form for one more. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { usePages } from "../../ui/pages";
import { Field, Spinner } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { myVideos, type Video } from "../library/calls";
import { myWorks, registerWork, removeWork, type Work } from "./calls";
import { policyName, workState } from "./policies";
import { t } from "./words";

const POLICIES: readonly Work["policy"][] = ["credit", "mute", "block"];

export function Works() {
  const [round, setRound] = useState(0);
  const list = usePages<Work>(myWorks, [String(round)]);
  const again = (): void => setRound((last) => last + 1);
  const remove = (work: Work): void => {
    if (!confirm(t("confirmRemove"))) return;
    void attempt(async () => {
      await removeWork(work.id);
      again();
    });
  };
  return (
    <section class="panel" aria-labelledby="works-list">
      <h2 id="works-list">{t("works")}</h2>
      <p class="dim">{t("worksHint")}</p>
      <Register onDone={again} />
      {list.failure !== null && <p role="alert">{sentence(list.failure)}</p>}
      {!list.items && list.failure === null && <Spinner />}
      {list.items?.length === 0 && <p class="dim">{t("noWorks")}</p>}
      <ul class="works">
        {list.items?.map((work) => (
          <li key={work.id} class="work">
            <span class="work-text">
              <a href={`/videos/${work.video_id}`}>{work.title}</a>
              <small>
                {[work.reason || workState(work.state), policyName(work.policy), t("found", { n: work.matches })].join(" · ")}
              </small>
            </span>
            <button type="button" class="button danger" onClick={() => remove(work)}>
              {t("remove")}
            </button>
          </li>
        ))}
      </ul>
      {list.next && (
        <button type="button" class="button" onClick={list.more}>
          {t("more")}
        </button>
      )}
    </section>
  );
}

function Register({ onDone }: { onDone: () => void }) {
  const [videos, setVideos] = useState<Video[] | null>(null);
  useEffect(() => {
    myVideos("").then(
      ({ items }) => setVideos(items.filter((one) => one.state === "ready")),
      (error) => toast(sentence(error), "bad"),
    );
  }, []);
  const { form, errors, busy, submit } = useSending(["video_id", "title"], async (data) => {
    const policy = POLICIES.find((one) => one === textOf(data, "policy")) ?? "credit";
    await registerWork({ video_id: textOf(data, "video_id"), title: textOf(data, "title"), policy });
    toast(t("registered"), "good");
    onDone();
  });
  if (!videos) return null;
  if (!videos.length) return <p class="dim">{t("noVideos")}</p>;
  return (
    <form ref={form} class="work-form" onSubmit={submit} noValidate>
      <FormError text={errors[""]} />
      <Field label={t("video")} name="video_id" error={errors.video_id}>
        {(ids) => (
          <select {...ids} name="video_id">
            {videos.map((one) => (
              <option key={one.id} value={one.id}>
                {one.title}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={t("title")} name="title" error={errors.title}>
        {(ids) => <input {...ids} name="title" maxLength={140} required dir="auto" />}
      </Field>
      <Field label={t("policy")} name="policy" error={undefined}>
        {(ids) => (
          <select {...ids} name="policy">
            {POLICIES.map((one) => (
              <option key={one} value={one}>
                {policyName(one)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <button class="button accent" disabled={busy}>
        {t("register")}
      </button>
    </form>
  );
}
