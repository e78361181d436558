/** The cohorts of a course: when each begins, the way into it, and for the author the way to a new one. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { when } from "../../ui/format";
import { Field } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { type Cohort, cohortsOf, type Course, joinCohort, makeCohort } from "./calls";
import { t } from "./words";

export const hasBegun = (one: Cohort): boolean => Date.parse(one.starts_at) <= Date.now();

export function CohortFacts({ of: one }: { of: Cohort }) {
  return (
    <span class="muted">
      {t(hasBegun(one) ? "begun" : "begins", { when: when(one.starts_at) })} · {t("seats_n", { n: one.people, of: one.seats })}
    </span>
  );
}

export function CohortList({ course, isAuthor }: { course: Course; isAuthor: boolean }) {
  const [cohorts, setCohorts] = useState<Cohort[]>([]);
  const read = (): Promise<void> => attempt(() => cohortsOf(course.id).then(setCohorts)).then(() => undefined);
  useEffect(() => void read(), [course.id, course.enrolment, me.value?.id]);
  if (!isAuthor && cohorts.length === 0) return null;
  const join = (one: Cohort): void => void attempt(() => joinCohort(one.id, me.value?.username ?? "").then(read));
  return (
    <section class="stack" aria-labelledby="cohorts">
      <h2 id="cohorts">{t("cohorts")}</h2>
      <p class="muted">{t(cohorts.length ? "cohortsText" : "noCohorts")}</p>
      <ul class="lesson-list">
        {cohorts.map((one) => (
          <li key={one.id} class="lesson-row">
            {one.room_id ? (
              <a href={`/cohorts/${one.id}`} dir="auto">
                {one.title}
              </a>
            ) : (
              <span dir="auto">{one.title}</span>
            )}
            <CohortFacts of={one} />
            {one.is_mine && <span class="tag">{t("joined")}</span>}
            {!one.is_mine && course.enrolment === "enrolled" && one.is_open && (
              <button type="button" class="button" aria-label={`${t("join")}: ${one.title}`} onClick={() => join(one)}>
                {t("join")}
              </button>
            )}
          </li>
        ))}
      </ul>
      {isAuthor && <NewCohort id={course.id} onDone={read} />}
    </section>
  );
}

function NewCohort({ id, onDone }: { id: string; onDone: () => Promise<void> }) {
  const { form, errors, busy, submit } = useSending(["title", "starts_at", "seats"], async (data) => {
    const at = textOf(data, "starts_at");
    await makeCohort(id, {
      title: textOf(data, "title"),
      starts_at: at ? new Date(at).toISOString() : "",
      seats: Number(textOf(data, "seats")),
    });
    form.current?.reset();
    await onDone();
  });
  return (
    <details class="course-new">
      <summary>{t("addCohort")}</summary>
      <form class="stack" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"]} />
        <Field label={t("name")} name="title" error={errors["title"]}>
          {(ids) => <input {...ids} name="title" maxLength={140} dir="auto" autocomplete="off" />}
        </Field>
        <Field label={t("startsAt")} name="starts_at" error={errors["starts_at"]}>
          {(ids) => <input {...ids} name="starts_at" type="datetime-local" />}
        </Field>
        <Field label={t("seats")} name="seats" error={errors["seats"]}>
          {(ids) => <input {...ids} name="seats" type="number" min={1} max={1000} defaultValue="30" />}
        </Field>
        <button type="submit" class="button accent" disabled={busy}>
          {t("addCohort")}
        </button>
      </form>
    </details>
  );
}
