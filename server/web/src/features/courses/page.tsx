/** A course: what it is, how far one is, its lessons, and for its author the way to more of them. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { when } from "../../ui/format";
import { Missing } from "../../ui/missing";
import { Field, Loading, PageTitle, useTitle } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { type Course, deleteCourse, deleteLesson, enrol, getCourse, leave, type LessonHead, lessonsOf, makeLesson, saveCertificate } from "./calls";
import { CohortList } from "./cohorts";
import { priceOf } from "./list";
import { questionsOf } from "./questions";
import { t } from "./words";
import "./courses.css";

const KINDS = ["text", "video", "quiz", "live"] as const;

export default function CoursePage({ courseId }: { courseId: string }) {
  const [one, setOne] = useState<Course | null>(null);
  const [lessons, setLessons] = useState<LessonHead[]>([]);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(one?.title ?? t("title"));
  const read = async (): Promise<void> => {
    try {
      const [course, heads] = await Promise.all([getCourse(courseId), lessonsOf(courseId)]);
      setOne(course);
      setLessons(heads);
    } catch (error) {
      setFailure(error);
    }
  };
  useEffect(() => void read(), [courseId, me.value?.id]);
  if (failure) return <Missing title={t("gone")} text={t("goneText")} />;
  if (!one) return <Loading />;
  const isAuthor = one.author.id === me.value?.id;
  const act = (what: () => Promise<unknown>): void => void attempt(() => what().then(read));
  return (
    <div class="page narrow courses">
      <PageTitle>
        <span dir="auto">{one.title}</span>
      </PageTitle>
      <p class="muted">
        <a href={`/@${one.author.username}`} dir="auto">
          {t("by", { name: one.author.display_name })}
        </a>
        {" · "}
        {t("people_n", { n: one.people })} · {priceOf(one)}
      </p>
      {one.description && <p dir="auto">{one.description}</p>}
      {!isAuthor && <Enrolment one={one} act={act} />}
      <h2>{t("lessons")}</h2>
      {lessons.length === 0 && <p class="muted">{t("noLessons")}</p>}
      <ol class="lesson-list">
        {lessons.map((lesson) => (
          <li key={lesson.id} class="lesson-row">
            <a href={`/lessons/${lesson.id}`} dir="auto">
              {lesson.title}
            </a>
            <span class="muted">
              {t(lesson.kind)}
              {lesson.starts_at ? ` · ${when(lesson.starts_at)}` : ""}
              {lesson.done ? ` · ${t("done")}` : lesson.locked ? ` · ${t("locked")}` : ""}
            </span>
            {isAuthor && (
              <button type="button" class="button" onClick={() => act(() => deleteLesson(lesson.id))}>
                {t("deleteLesson", { title: lesson.title })}
              </button>
            )}
          </li>
        ))}
      </ol>
      {isAuthor && <NewLesson id={one.id} onDone={read} />}
      <CohortList course={one} isAuthor={isAuthor} />
      {isAuthor && (
        <button
          type="button"
          class="button"
          onClick={() => confirm(t("deleteSure")) && void attempt(() => deleteCourse(one.id).then(() => navigate("/courses")))}
        >
          {t("deleteCourse")}
        </button>
      )}
    </div>
  );
}

function Enrolment({ one, act }: { one: Course; act: (what: () => Promise<unknown>) => void }) {
  const begin = async (): Promise<void> => {
    if (!me.value) return navigate(loginPath());
    const { checkout_url: address } = await enrol(one.id);
    if (address) location.assign(address);
  };
  if (one.enrolment !== "enrolled") {
    return (
      <div class="stack">
        {one.enrolment === "pending" && <p>{t("pending")}</p>}
        <button type="button" class="button accent" onClick={() => act(begin)}>
          {t(one.amount ? "pay" : "enrol")}
        </button>
      </div>
    );
  }
  return (
    <div class="stack">
      <progress max={100} value={one.percent} aria-label={t("progress", { n: one.percent })} />
      <div class="row">
        <span>{t("progress", { n: one.percent })}</span>
        <button type="button" class="button" onClick={() => void attempt(() => saveCertificate(one.id))}>
          {t("certificate")}
        </button>
        <button type="button" class="button" onClick={() => confirm(t("leaveSure")) && act(() => leave(one.id))}>
          {t("leave")}
        </button>
      </div>
    </div>
  );
}

function sessionOf(data: FormData) {
  const at = textOf(data, "starts_at");
  return {
    stream_id: textOf(data, "stream_id").trim() || null,
    starts_at: at ? new Date(at).toISOString() : null,
    lasts_seconds: Math.round(Number(textOf(data, "lasts_seconds")) * 60),
  };
}

function NewLesson({ id, onDone }: { id: string; onDone: () => Promise<void> }) {
  const [kind, setKind] = useState<LessonHead["kind"]>("text");
  const { form, errors, busy, submit } = useSending(["title", "text", "video_id", "stream_id", "starts_at", "lasts_seconds", "questions"], async (data) => {
    await makeLesson(id, {
      kind,
      title: textOf(data, "title"),
      text: textOf(data, "text"),
      ...(kind === "video" && { video_id: textOf(data, "video_id").trim() || null }),
      ...(kind === "live" && sessionOf(data)),
      ...(kind === "quiz" && { questions: questionsOf(textOf(data, "questions")) }),
    });
    form.current?.reset();
    await onDone();
  });
  return (
    <details class="course-new">
      <summary>{t("addLesson")}</summary>
      <form class="stack" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"]} />
        <Field label={t("kind")} name="kind">
          {(ids) => (
            <select {...ids} value={kind} onChange={(event) => setKind(event.currentTarget.value as LessonHead["kind"])}>
              {KINDS.map((one) => (
                <option key={one} value={one}>
                  {t(one)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t("name")} name="title" error={errors["title"]}>
          {(ids) => <input {...ids} name="title" maxLength={140} dir="auto" autocomplete="off" />}
        </Field>
        <Field label={t("content")} name="text" error={errors["text"]}>
          {(ids) => <textarea {...ids} name="text" rows={5} maxLength={20000} dir="auto" />}
        </Field>
        {kind === "video" && (
          <Field label={t("videoId")} name="video_id" error={errors["video_id"]}>
            {(ids) => <input {...ids} name="video_id" maxLength={36} dir="ltr" autocomplete="off" />}
          </Field>
        )}
        {kind === "live" && (
          <>
            <Field label={t("startsAt")} name="starts_at" hint={t("startsAtHint")} error={errors["starts_at"]}>
              {(ids) => <input {...ids} name="starts_at" type="datetime-local" />}
            </Field>
            <Field label={t("minutes")} name="lasts_seconds" error={errors["lasts_seconds"]}>
              {(ids) => <input {...ids} name="lasts_seconds" type="number" min={5} max={1440} defaultValue="60" />}
            </Field>
            <Field label={t("streamId")} name="stream_id" hint={t("streamIdHint")} error={errors["stream_id"]}>
              {(ids) => <input {...ids} name="stream_id" maxLength={36} dir="ltr" autocomplete="off" />}
            </Field>
          </>
        )}
        {kind === "quiz" && (
          <Field label={t("questions")} name="questions" hint={t("questionsHint")} error={errors["questions"]}>
            {(ids) => <textarea {...ids} name="questions" rows={8} dir="auto" />}
          </Field>
        )}
        <button type="submit" class="button accent" disabled={busy}>
          {t("addLesson")}
        </button>
      </form>
    </details>
  );
}
