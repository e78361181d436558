/** A cohort: its room, and who is in it. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { navigate } from "../../router";
import { Missing } from "../../ui/missing";
import { Empty, Field, Loading, PageTitle, useTitle } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import "../messages/messages.css";
import type { Talk } from "../messages/names";
import { Room } from "../messages/room";
import { type Cohort, type CohortMember, cohortMembers, deleteCohort, getCohort, joinCohort, leaveCohort } from "./calls";
import { CohortFacts } from "./cohorts";
import { t } from "./words";
import "./courses.css";

export default function CohortPage({ cohortId }: { cohortId: string }) {
  const [one, setOne] = useState<Cohort | null>(null);
  const [people, setPeople] = useState<CohortMember[]>([]);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(one?.title ?? t("cohorts"));
  const read = async (): Promise<void> => {
    try {
      const cohort = await getCohort(cohortId);
      setPeople(cohort.room_id ? await everybody(cohortId) : []);
      setOne(cohort);
    } catch (error) {
      setFailure(error);
    }
  };
  useEffect(() => void read(), [cohortId, me.value?.id]);
  if (failure) return <Missing title={t("cohortGone")} text={t("goneText")} />;
  if (!one) return <Loading />;
  const leave = (): void => void attempt(() => leaveCohort(one.id, me.value?.username ?? "").then(() => navigate(`/courses/${one.course_id}`)));
  return (
    <div class="page narrow courses">
      <a href={`/courses/${one.course_id}`}>{t("toCourse")}</a>
      <PageTitle>
        <span dir="auto">{one.title}</span>
      </PageTitle>
      <CohortFacts of={one} />
      {!one.room_id && <Empty title={t("notInCohort")} />}
      {one.room_id && (
        <div class="cohort-room">
          <Room one={talkOf(one, one.room_id, people)} />
        </div>
      )}
      {one.room_id && <People one={one} people={people} onChange={read} />}
      {one.is_mine && (
        <button type="button" class="button" onClick={() => confirm(t("leaveCohortSure")) && leave()}>
          {t("leaveCohort")}
        </button>
      )}
    </div>
  );
}

const talkOf = (one: Cohort, roomId: string, people: CohortMember[]): Talk => ({ room_id: roomId, title: one.title, kind: "cohort", state: "open", people });

/** As many as a cohort has seats for. */
async function everybody(id: string): Promise<CohortMember[]> {
  const found: CohortMember[] = [];
  for (let cursor = ""; ; ) {
    const { items, next } = await cohortMembers(id, cursor);
    found.push(...items);
    if (!next) return found;
    cursor = next;
  }
}

function People({ one, people, onChange }: { one: Cohort; people: CohortMember[]; onChange: () => Promise<void> }) {
  const isAuthor = !one.is_mine;
  return (
    <section class="stack" aria-labelledby="learners">
      <h2 id="learners">{t("learners")}</h2>
      {people.length === 0 && <p class="muted">{t("noLearners")}</p>}
      <ul class="lesson-list">
        {people.map((person) => (
          <li key={person.id} class="lesson-row">
            <a href={`/@${person.username}`} dir="auto">
              {person.display_name || person.username}
            </a>
            {isAuthor && (
              <button type="button" class="button" onClick={() => void attempt(() => leaveCohort(one.id, person.username).then(onChange))}>
                {t("letGo", { name: person.display_name || person.username })}
              </button>
            )}
          </li>
        ))}
      </ul>
      {isAuthor && <Owning one={one} onChange={onChange} />}
    </section>
  );
}

function Owning({ one, onChange }: { one: Cohort; onChange: () => Promise<void> }) {
  const { form, errors, busy, submit } = useSending(["username"], async (data) => {
    await joinCohort(one.id, textOf(data, "username").trim().replace(/^@/, ""));
    form.current?.reset();
    await onChange();
  });
  const remove = (): void => void attempt(() => deleteCohort(one.id).then(() => navigate(`/courses/${one.course_id}`)));
  return (
    <>
      <form class="stack" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"]} />
        <Field label={t("username")} name="username" error={errors["username"]}>
          {(ids) => <input {...ids} name="username" maxLength={31} dir="ltr" autocomplete="off" />}
        </Field>
        <button type="submit" class="button" disabled={busy}>
          {t("takeIn")}
        </button>
      </form>
      <button type="button" class="button" onClick={() => confirm(t("deleteCohortSure")) && remove()}>
        {t("deleteCohort")}
      </button>
    </>
  );
}
