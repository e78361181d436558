/** A lesson: its text, video, quiz or session, and how far one is with it. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { Missing } from "../../ui/missing";
import { Loading, PageTitle, useTitle } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { getCourse, getLesson, type Lesson, putProgress } from "./calls";
import { isAttended, Session } from "./lesson-session";
import { t } from "./words";
import "./courses.css";

export default function LessonPage({ lessonId }: { lessonId: string }) {
  const [one, setOne] = useState<Lesson | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(one?.title ?? t("title"));
  const [isAuthor, setAuthor] = useState(false);
  const read = async (): Promise<void> => {
    try {
      const lesson = await getLesson(lessonId);
      setAuthor((await getCourse(lesson.course_id)).author.id === me.value?.id);
      setOne(lesson);
    } catch (error) {
      setFailure(error);
    }
  };
  useEffect(() => void read(), [lessonId, me.value?.id]);
  if (failure) return <Missing title={t("gone")} text={t("goneText")} />;
  if (!one) return <Loading />;
  const isOpen = one.text !== null;
  return (
    <div class="page narrow courses">
      <a href={`/courses/${one.course_id}`}>{t("lessons")}</a>
      <PageTitle>
        <span dir="auto">{one.title}</span>
      </PageTitle>
      <p class="muted">
        {t(one.kind)}
        {one.done && ` · ${t("done")}`}
      </p>
      {!isOpen && <p>{t(one.locked ? "locked" : "enrolFirst")}</p>}
      {one.text && (
        <div class="lesson-text" dir="auto">
          {one.text}
        </div>
      )}
      {one.video_id && <a href={`/videos/${one.video_id}`}>{t("watchVideo")}</a>}
      {one.stream_id && <a href={`/watch/${one.stream_id}`}>{t("watchLive")}</a>}
      {isOpen && one.kind === "quiz" && <Quiz one={one} onDone={read} />}
      {isOpen && one.kind === "live" && <Session one={one} isAuthor={isAuthor} />}
      {isOpen && one.kind !== "quiz" && !isAuthor && !isAttended(one) && !one.done && (
        <button type="button" class="button accent" onClick={() => void attempt(() => putProgress(one.id, { percent: 100 }).then(read))}>
          {t("markDone")}
        </button>
      )}
    </div>
  );
}

function Quiz({ one, onDone }: { one: Lesson; onDone: () => Promise<void> }) {
  const questions = one.questions ?? [];
  const hasAnswered = questions.length > 0 && questions.every((each) => each.given !== null);
  const send = (event: Event): void => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const answers = questions.map((_, number) => Number(data.get(`q${number}`) ?? -1));
    void attempt(() => putProgress(one.id, { answers }).then(onDone));
  };
  return (
    <form class="stack" onSubmit={send}>
      {hasAnswered && <p role="status">{t("score", { n: one.percent })}</p>}
      {questions.map((each, number) => (
        <fieldset key={number} class="quiz-question">
          <legend dir="auto">{each.question}</legend>
          {each.options.map((option, index) => (
            <label key={index} class="choice" dir="auto">
              <input type="radio" name={`q${number}`} value={index} required defaultChecked={each.given === index} />
              {option}
            </label>
          ))}
          {each.given !== null && (
            <p class={each.given === each.answer ? "quiz-right" : "quiz-wrong"} dir="auto">
              {each.given === each.answer ? t("right") : each.answer === null ? t("notRight") : t("wrong", { answer: each.options[each.answer] ?? "" })}
              {each.explanation && ` ${each.explanation}`}
            </p>
          )}
        </fieldset>
      ))}
      <button type="submit" class="button accent">
        {t(hasAnswered ? "again" : "answer")}
      </button>
    </form>
  );
}
