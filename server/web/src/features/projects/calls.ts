import { randomId } from "../../api/locks";
import { call } from "../../api/session";
import type { Answer, Body, Page } from "../../api/types";

const part = encodeURIComponent;

export type Project = Answer<"getProject">;
export type Member = Answer<"listProjectMembers">["items"][number];
export type Task = Answer<"getTask">;
export type Doc = Answer<"getDocument">;
export type Version = Answer<"listDocumentVersions">["items"][number];
export type Thread = Answer<"listDocumentComments">["items"][number];
export type NewComment = Body<"makeDocumentComment">;
export type Role = Member["role"];

const of = (id: string, what = ""): string => `/projects/${part(id)}${what}`;
const paged = (path: string, cursor: string, more: Record<string, string> = {}): string =>
  `${path}?${new URLSearchParams({ ...more, limit: "100", ...(cursor && { cursor }) })}`;
const post = <T>(path: string, body: unknown): Promise<T> => call(path, { method: "POST", body, headers: { "Idempotency-Key": randomId() } });

/** All pages of a list: what is bounded is read as a whole. */
async function all<T>(path: string, more: Record<string, string> = {}): Promise<T[]> {
  const items: T[] = [];
  let cursor = "";
  do {
    const page = await call<Page<T>>(paged(path, cursor, more));
    items.push(...page.items);
    cursor = page.next ?? "";
  } while (cursor);
  return items;
}

export const listProjects = (cursor: string): Promise<Page<Project>> => call(paged("/projects", cursor));
export const getProject = (id: string): Promise<Project> => call(of(id));
export const makeProject = async (body: Body<"makeProject">): Promise<Project> => (await post<Answer<"makeProject">>("/projects", body)).project;
export const deleteProject = (id: string): Promise<void> => call(of(id), { method: "DELETE" });
export const membersOf = (id: string): Promise<Member[]> => all(of(id, "/members"));
export const putMember = (id: string, username: string, role: Role): Promise<void> =>
  call(of(id, `/members/${part(username)}`), { method: "PUT", body: { role } });
export const removeMember = (id: string, username: string): Promise<void> => call(of(id, `/members/${part(username)}`), { method: "DELETE" });
export const tasksOf = (id: string): Promise<Task[]> => all(of(id, "/tasks"));
export const makeTask = async (id: string, body: Body<"makeTask">): Promise<Task> => (await post<Answer<"makeTask">>(of(id, "/tasks"), body)).task;
export const changeTask = (one: Task, body: Body<"changeTask">): Promise<Task> =>
  call(of(one.project_id, `/tasks/${part(one.id)}`), { method: "PATCH", body });
export const deleteTask = (one: Task): Promise<void> => call(of(one.project_id, `/tasks/${part(one.id)}`), { method: "DELETE" });
export const documentsOf = (id: string): Promise<Doc[]> => all(of(id, "/documents"));
export const makeDocument = async (id: string, title: string): Promise<Doc> =>
  (await post<Answer<"makeDocument">>(of(id, "/documents"), { title })).document;
export const getDocument = (id: string): Promise<Doc> => call(`/documents/${part(id)}`);
export const deleteDocument = (id: string): Promise<void> => call(`/documents/${part(id)}`, { method: "DELETE" });
export const versionsOf = (id: string): Promise<Version[]> => all(`/documents/${part(id)}/history`);
export const restoreVersion = (id: string, seq: number): Promise<Doc> => call(`/documents/${part(id)}/history/${seq}/restore`, { method: "POST" });
export const versionText = async (id: string, seq: number): Promise<string> =>
  (await call<Answer<"getDocumentVersion">>(`/documents/${part(id)}/history/${seq}`)).text;

const comment = (id: string, of = "", what = ""): string => `/documents/${part(id)}/comments${of && `/${part(of)}`}${what}`;
export const commentsOn = (id: string, resolved: boolean): Promise<Thread[]> => all(comment(id), { resolved: String(resolved) });
export const makeComment = async (id: string, body: NewComment): Promise<Thread> => (await post<Answer<"makeDocumentComment">>(comment(id), body)).comment;
export const replyTo = (id: string, of: string, text: string): Promise<unknown> => post(comment(id, of, "/replies"), { text });
export const resolveComment = (id: string, of: string, isResolved: boolean): Promise<void> =>
  call(comment(id, of, "/resolution"), { method: isResolved ? "PUT" : "DELETE" });
export const deleteComment = (id: string, of: string): Promise<void> => call(comment(id, of), { method: "DELETE" });
