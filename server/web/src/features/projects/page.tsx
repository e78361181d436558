/** A project: its board, its documents or its members, by the address. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { ago } from "../../ui/format";
import { Missing } from "../../ui/missing";
import { Avatar, Empty, Loading, PageTitle, useTitle } from "../../ui/parts";
import { attempt, textOf } from "../../ui/sending";
import { Board } from "./board";
import { deleteProject, type Doc, documentsOf, getProject, makeDocument, type Member, membersOf, type Project, putMember, removeMember, type Role } from "./calls";
import { t } from "./words";
import "./projects.css";

const TABS = ["board", "documents", "members"] as const;
const ROLES: readonly Role[] = ["owner", "editor", "viewer"];

export default function ProjectPage({ projectId, tab }: { projectId: string; tab?: string }) {
  const [one, setOne] = useState<Project | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(one?.title ?? t("title"));
  useEffect(() => {
    if (!me.value) return navigate(loginPath(), true);
    getProject(projectId).then(setOne, setFailure);
  }, [projectId, me.value?.id]);
  if (failure) return <Missing title={t("gone")} text={t("goneText")} />;
  if (!one) return <Loading />;
  const here = TABS.find((each) => each === tab) ?? "board";
  return (
    <div class="page projects">
      <PageTitle>
        <span dir="auto">{one.title}</span>
      </PageTitle>
      {one.description && (
        <p class="muted" dir="auto">
          {one.description}
        </p>
      )}
      <nav class="project-tabs" aria-label={t("tabs")}>
        {TABS.map((each) => (
          <a key={each} href={each === "board" ? `/projects/${one.id}` : `/projects/${one.id}/${each}`} aria-current={each === here ? "page" : undefined}>
            {t(each)}
          </a>
        ))}
      </nav>
      {here === "board" && <Board project={one} />}
      {here === "documents" && <Documents project={one} />}
      {here === "members" && <Members project={one} />}
    </div>
  );
}

function Documents({ project }: { project: Project }) {
  const [items, setItems] = useState<Doc[] | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => void documentsOf(project.id).then(setItems, setFailure), [project.id]);
  const add = (event: Event): void => {
    event.preventDefault();
    const title = textOf(new FormData(event.currentTarget as HTMLFormElement), "title");
    void attempt(async () => navigate(`/documents/${(await makeDocument(project.id, title)).id}`));
  };
  if (failure) return <Empty title={sentence(failure)} />;
  if (!items) return <Loading />;
  return (
    <>
      {items.length === 0 && <Empty title={t("noDocuments")} />}
      <ul class="project-list">
        {items.map((one) => (
          <li key={one.id}>
            <a class="project-card" href={`/documents/${one.id}`}>
              <strong dir="auto">{one.title}</strong>
              <span class="muted">{t("changed", { when: ago(one.changed_at) })}</span>
            </a>
          </li>
        ))}
      </ul>
      {project.role !== "viewer" && (
        <form class="row" onSubmit={add}>
          <input name="title" required maxLength={140} dir="auto" aria-label={t("newDocument")} placeholder={t("newDocument")} autocomplete="off" />
          <button type="submit" class="button accent">
            {t("add")}
          </button>
        </form>
      )}
    </>
  );
}

function Members({ project }: { project: Project }) {
  const [items, setItems] = useState<Member[] | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const read = (): Promise<void> => membersOf(project.id).then(setItems, setFailure);
  useEffect(() => void read(), [project.id]);
  const isOwner = project.role === "owner";
  const put = (username: string, role: Role): void => void attempt(() => putMember(project.id, username, role).then(read));
  const add = (event: Event): void => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    put(textOf(data, "username").trim().replace(/^@/, ""), textOf(data, "role") as Role);
  };
  const remove = (one: Member): void => {
    if (confirm(t("takeOutSure", { name: one.display_name }))) void attempt(() => removeMember(project.id, one.username).then(read));
  };
  const end = (): void => {
    if (confirm(t("deleteSure"))) void attempt(() => deleteProject(project.id).then(() => navigate("/projects")));
  };
  if (failure) return <Empty title={sentence(failure)} />;
  if (!items) return <Loading />;
  return (
    <>
      <ul class="project-list">
        {items.map((one) => (
          <li key={one.id} class="project-card project-member">
            <Avatar of={one} />
            <a href={`/@${one.username}`} dir="auto">
              {one.display_name}
            </a>
            {isOwner ? (
              <>
                <select aria-label={t("role")} value={one.role} onChange={(event) => put(one.username, event.currentTarget.value as Role)}>
                  {ROLES.map((role) => (
                    <option key={role} value={role}>
                      {t(role)}
                    </option>
                  ))}
                </select>
                <button type="button" class="button" onClick={() => remove(one)}>
                  {t("takeOut", { name: one.display_name })}
                </button>
              </>
            ) : (
              <span class="muted">{t(one.role)}</span>
            )}
          </li>
        ))}
      </ul>
      {isOwner && (
        <>
          <form class="row" onSubmit={add}>
            <input name="username" required maxLength={31} dir="ltr" aria-label={t("username")} placeholder={t("username")} autocomplete="off" autocapitalize="none" />
            <select name="role" aria-label={t("role")}>
              {(["editor", "viewer", "owner"] as const).map((role) => (
                <option key={role} value={role}>
                  {t(role)}
                </option>
              ))}
            </select>
            <button type="submit" class="button accent">
              {t("add")}
            </button>
          </form>
          <button type="button" class="button" onClick={end}>
            {t("deleteProject")}
          </button>
        </>
      )}
    </>
  );
}
