import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";

export type People = Answer<"listPeople">;
export type Person = People["items"][number];
export type Role = NonNullable<Body<"changePerson">["roles"]>[number];

export interface Asked {
  q: string;
  role: string;
  state: string;
}

/** For admins. What is empty is any. */
export function listPeople(asked: Asked, cursor: string): Promise<People> {
  const chosen = Object.entries({ ...asked, cursor }).filter(([, value]) => value);
  return call(`/admin/people?${new URLSearchParams(chosen)}`);
}

export const changePerson = (id: string, body: Body<"changePerson">): Promise<Person> =>
  call(`/admin/people/${id}`, { method: "PATCH", body });
