/** The projects that one is in, and the way to a new one. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { PageList } from "../../ui/page-list";
import { Empty, Field, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { listProjects, makeProject, type Project } from "./calls";
import { t } from "./words";
import "./projects.css";

export default function ProjectsPage() {
  const [list] = useState(() => new PageList<Project>());
  useTitle(t("title"));
  useEffect(() => {
    if (!me.value) return navigate(loginPath(), true);
    void list.begin(listProjects);
  }, [me.value?.id]);
  const { items, next, failure } = list.state.value;
  return (
    <div class="page narrow projects">
      <PageTitle>{t("title")}</PageTitle>
      {Boolean(failure) && <Empty title={sentence(failure)} />}
      {!items && !failure && <Spinner />}
      {items?.length === 0 && (
        <Empty title={t("none")}>
          <p>{t("noneText")}</p>
        </Empty>
      )}
      <ul class="project-list">
        {items?.map((one) => (
          <li key={one.id}>
            <a class="project-card" href={`/projects/${one.id}`}>
              <strong dir="auto">{one.title}</strong>
              <span class="muted">
                {t("members_n", { n: one.members })} · {t(one.role)}
              </span>
            </a>
          </li>
        ))}
      </ul>
      {next && (
        <button type="button" class="button more" onClick={() => void list.more()}>
          {t("more")}
        </button>
      )}
      <NewProject />
    </div>
  );
}

function NewProject() {
  const { form, errors, busy, submit } = useSending(["title", "description"], async (data) => {
    const made = await makeProject({ title: textOf(data, "title"), description: textOf(data, "description") });
    navigate(`/projects/${made.id}`);
  });
  return (
    <form class="stack project-form" ref={form} onSubmit={submit} noValidate>
      <h2>{t("begin")}</h2>
      <FormError text={errors["form"]} />
      <Field label={t("name")} name="title" error={errors["title"]}>
        {(ids) => <input {...ids} name="title" maxLength={140} dir="auto" autocomplete="off" />}
      </Field>
      <Field label={t("description")} name="description" error={errors["description"]}>
        {(ids) => <textarea {...ids} name="description" rows={2} maxLength={5000} dir="auto" />}
      </Field>
      <button type="submit" class="button accent" disabled={busy}>
        {t("create")}
      </button>
    </form>
  );
}
