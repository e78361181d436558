import { randomId } from "../../api/locks";
import { accessToken, call } from "../../api/session";
import type { Answer, Body, Page } from "../../api/types";

const part = encodeURIComponent;

export type Course = Answer<"getCourse">;
export type LessonHead = Answer<"listLessons">["items"][number];
export type Lesson = Answer<"getLesson">;
export type Progress = Answer<"putProgress">;
export type Enrolled = Answer<"enrol">;
export type Certificate = Answer<"verifyCertificate">;
export type Cohort = Answer<"getCohort">;
export type CohortMember = Answer<"listCohortMembers">["items"][number];
export type Which = "all" | "learning" | "teaching";

const of = (id: string, what = ""): string => `/courses/${part(id)}${what}`;
const post = <T>(path: string, body: unknown): Promise<T> => call(path, { method: "POST", body, headers: { "Idempotency-Key": randomId() } });

export const listCourses = (which: Which, cursor: string): Promise<Page<Course>> => {
  const query = new URLSearchParams({ limit: "20", ...(which !== "all" && { kind: which }), ...(cursor && { cursor }) });
  return call(`${which === "all" ? "/courses" : "/me/courses"}?${query}`);
};
export const getCourse = (id: string): Promise<Course> => call(of(id));
export const makeCourse = async (body: Body<"makeCourse">): Promise<Course> => (await post<Answer<"makeCourse">>("/courses", body)).course;
export const deleteCourse = (id: string): Promise<void> => call(of(id), { method: "DELETE" });
export const lessonsOf = async (id: string): Promise<LessonHead[]> => (await call<Answer<"listLessons">>(of(id, "/lessons"))).items;
export const getLesson = (id: string): Promise<Lesson> => call(`/lessons/${part(id)}`);
export const makeLesson = async (id: string, body: Body<"makeLesson">): Promise<Lesson> => (await post<Answer<"makeLesson">>(of(id, "/lessons"), body)).lesson;
export const deleteLesson = (id: string): Promise<void> => call(`/lessons/${part(id)}`, { method: "DELETE" });
export const enrol = (id: string): Promise<Enrolled> => call(of(id, "/enrolment"), { method: "PUT" });
export const leave = (id: string): Promise<void> => call(of(id, "/enrolment"), { method: "DELETE" });
export const putProgress = (id: string, body: Body<"putProgress">): Promise<Progress> => call(`/lessons/${part(id)}/progress`, { method: "PUT", body });
export const cohortsOf = async (id: string): Promise<Cohort[]> => (await call<Answer<"listCohorts">>(of(id, "/cohorts"))).items;
export const makeCohort = (id: string, body: Body<"makeCohort">): Promise<unknown> => post(of(id, "/cohorts"), body);
export const getCohort = (id: string): Promise<Cohort> => call(`/cohorts/${part(id)}`);
export const deleteCohort = (id: string): Promise<void> => call(`/cohorts/${part(id)}`, { method: "DELETE" });
export const cohortMembers = (id: string, cursor: string): Promise<Page<CohortMember>> =>
  call(`/cohorts/${part(id)}/members?${new URLSearchParams({ limit: "100", ...(cursor && { cursor }) })}`);
export const joinCohort = (id: string, username: string): Promise<void> => call(`/cohorts/${part(id)}/members/${part(username)}`, { method: "PUT" });
export const leaveCohort = (id: string, username: string): Promise<void> => call(`/cohorts/${part(id)}/members/${part(username)}`, { method: "DELETE" });
export const holdSession = (id: string, callId: string): Promise<unknown> => call(`/lessons/${part(id)}/session`, { method: "PUT", body: { call_id: callId } });
export const joinSession = (id: string): Promise<Answer<"joinSession">> => call(`/lessons/${part(id)}/session/invitation`, { method: "POST" });
export const markAttendance = (id: string, username: string): Promise<void> => call(`/lessons/${part(id)}/attendance/${part(username)}`, { method: "PUT" });
export const verify = (code: string): Promise<Certificate> => call(`/certificates/${part(code)}`);

/** Save the certificate as a file. */
export async function saveCertificate(id: string): Promise<void> {
  const token = await accessToken();
  const answer = await fetch(`/api/v1${of(id, "/certificate.pdf")}`, { headers: token ? { Authorization: `Bearer ${token}` } : {} });
  if (!answer.ok) throw new Error(answer.statusText);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = "certificate.pdf";
  link.click();
  URL.revokeObjectURL(link.href);
}
