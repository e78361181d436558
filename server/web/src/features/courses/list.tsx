/** All courses, those one learns from, and those one gives. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { navigate } from "../../router";
import { PageList } from "../../ui/page-list";
import { Empty, Field, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { CURRENCIES, minorUnits, money } from "../money/amounts";
import { type Course, listCourses, makeCourse, type Which } from "./calls";
import { t } from "./words";
import "./courses.css";

const ALL = ["all", "learning", "teaching"] as const;

export const priceOf = (one: Course): string => (one.amount ? money(one.amount, one.currency) : t("free"));

export default function CoursesPage() {
  const [which, setWhich] = useState<Which>("all");
  const [list] = useState(() => new PageList<Course>());
  useTitle(t("title"));
  useEffect(() => void list.begin((cursor) => listCourses(which, cursor)), [which, me.value?.id]);
  const { items, next, failure } = list.state.value;
  return (
    <div class="page courses">
      <PageTitle>{t("title")}</PageTitle>
      {me.value && (
        <div class="row" role="group" aria-label={t("which")}>
          {ALL.map((one) => (
            <button key={one} type="button" class="button" aria-pressed={which === one} onClick={() => setWhich(one)}>
              {t(one)}
            </button>
          ))}
        </div>
      )}
      {Boolean(failure) && <Empty title={sentence(failure)} />}
      {!items && !failure && <Spinner />}
      {items?.length === 0 && (
        <Empty title={t("none")}>
          <p>{t("noneText")}</p>
        </Empty>
      )}
      <ul class="course-grid">
        {items?.map((one) => (
          <li key={one.id}>
            <a class="course-card" href={`/courses/${one.id}`}>
              <strong dir="auto">{one.title}</strong>
              <span class="muted" dir="auto">
                {t("by", { name: one.author.display_name })}
              </span>
              <span class="muted">
                {t("lessons_n", { n: one.lessons })} · {t("people_n", { n: one.people })} · {priceOf(one)}
              </span>
              {one.enrolment === "enrolled" && <progress max={100} value={one.percent} aria-label={t("progress", { n: one.percent })} />}
            </a>
          </li>
        ))}
      </ul>
      {next && (
        <button type="button" class="button more" onClick={() => void list.more()}>
          {t("more")}
        </button>
      )}
      {me.value && <NewCourse />}
    </div>
  );
}

function NewCourse() {
  const { form, errors, busy, submit } = useSending(["title", "description", "amount", "currency"], async (data) => {
    const currency = textOf(data, "currency");
    const made = await makeCourse({
      title: textOf(data, "title"),
      description: textOf(data, "description"),
      amount: minorUnits(Number(textOf(data, "amount")) || 0, currency),
      currency,
    });
    navigate(`/courses/${made.id}`);
  });
  return (
    <details class="course-new">
      <summary>{t("begin")}</summary>
      <form class="stack" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"]} />
        <Field label={t("name")} name="title" error={errors["title"]}>
          {(ids) => <input {...ids} name="title" maxLength={140} dir="auto" autocomplete="off" />}
        </Field>
        <Field label={t("description")} name="description" error={errors["description"]}>
          {(ids) => <textarea {...ids} name="description" rows={3} maxLength={5000} dir="auto" />}
        </Field>
        <Field label={t("price")} name="amount" error={errors["amount"]}>
          {(ids) => <input {...ids} name="amount" type="number" min={0} step="any" defaultValue="0" />}
        </Field>
        <Field label={t("currency")} name="currency" error={errors["currency"]}>
          {(ids) => (
            <select {...ids} name="currency">
              {CURRENCIES.map((one) => (
                <option key={one} value={one}>
                  {one}
                </option>
              ))}
            </select>
          )}
        </Field>
        <button type="submit" class="button accent" disabled={busy}>
          {t("create")}
        </button>
      </form>
    </details>
  );
}
