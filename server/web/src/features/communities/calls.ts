import { randomId } from "../../api/locks";
import { call } from "../../api/session";
import type { Answer, Body, Page } from "../../api/types";
import type { Post } from "../posts/calls";

const part = encodeURIComponent;

export type Community = Answer<"getCommunity">;
export type Event = Answer<"getCommunityEvent">;
export type Member = Answer<"listMembers">["items"][number];
export type Outsider = Answer<"listMembershipRequests">["items"][number];
export type Act = Answer<"listModeratorActs">["items"][number];
export type Role = Member["role"];
export type Attendance = NonNullable<Body<"attend">>["state"];
export type Person = Answer<"listAttendees">["items"][number];

const of = (name: string, what = ""): string => `/communities/${part(name)}${what}`;
const paged = (path: string, cursor: string, more: Record<string, string> = {}): string =>
  `${path}?${new URLSearchParams({ limit: "20", ...more, ...(cursor && { cursor }) })}`;
const method = (isOn: boolean): "PUT" | "DELETE" => (isOn ? "PUT" : "DELETE");

export const listCommunities = (q: string, joined: boolean, cursor: string): Promise<Page<Community>> =>
  call(paged("/communities", cursor, { q, ...(joined && { joined: "true" }) }));
export const getCommunity = (name: string): Promise<Community> => call(of(name));
export const makeCommunity = async (body: Body<"makeCommunity">): Promise<Community> =>
  (await call<Answer<"makeCommunity">>("/communities", { method: "POST", body, headers: { "Idempotency-Key": randomId() } })).community;
export const changeCommunity = (name: string, body: Body<"changeCommunity">): Promise<Community> =>
  call(of(name), { method: "PATCH", body });
export const deleteCommunity = (name: string): Promise<void> => call(of(name), { method: "DELETE" });
export const setMembership = (name: string, isIn: boolean): Promise<void> => call(of(name, "/membership"), { method: method(isIn) });

export const postsOf = (name: string, cursor: string): Promise<Answer<"listPostsOfCommunity">> => call(paged(of(name, "/posts"), cursor));
export const setPin = (name: string, postId: string, isOn: boolean, announce = false): Promise<void> =>
  call(of(name, `/pins/${part(postId)}`), { method: method(isOn), ...(announce && { body: { announce } }) });
export const takeDown = (name: string, post: Post, reason: string): Promise<void> =>
  call(of(name, `/posts/${part(post.id)}`), { method: "DELETE", body: { reason } });

export const membersOf = (name: string, cursor: string): Promise<Page<Member>> => call(paged(of(name, "/members"), cursor));
export const requestsOf = (name: string, cursor: string): Promise<Page<Outsider>> => call(paged(of(name, "/requests"), cursor));
export const bansOf = (name: string, cursor: string): Promise<Page<Outsider>> => call(paged(of(name, "/bans"), cursor));
export const actsOf = (name: string, cursor: string): Promise<Page<Act>> => call(paged(of(name, "/log"), cursor));
export const setMember = (name: string, username: string, isIn: boolean): Promise<void> =>
  call(of(name, `/members/${part(username)}`), { method: method(isIn) });
export const setRole = (name: string, username: string, role: Role): Promise<void> =>
  call(of(name, `/members/${part(username)}`), { method: "PATCH", body: { role } });
export const setBan = (name: string, username: string, isOn: boolean, reason = ""): Promise<void> =>
  call(of(name, `/bans/${part(username)}`), { method: method(isOn), ...(isOn && { body: { reason } }) });

export const eventsOf = (name: string, isPast: boolean, cursor: string): Promise<Page<Event>> =>
  call(paged(of(name, "/events"), cursor, isPast ? { past: "true" } : {}));
export const getEvent = (name: string, id: string): Promise<Event> => call(of(name, `/events/${part(id)}`));
export const makeEvent = async (name: string, body: Body<"makeCommunityEvent">): Promise<Event> =>
  (await call<Answer<"makeCommunityEvent">>(of(name, "/events"), { method: "POST", body, headers: { "Idempotency-Key": randomId() } })).event;
export const changeEvent = (name: string, id: string, body: Body<"changeCommunityEvent">): Promise<Event> =>
  call(of(name, `/events/${part(id)}`), { method: "PATCH", body });
export const deleteEvent = (name: string, id: string): Promise<void> => call(of(name, `/events/${part(id)}`), { method: "DELETE" });
export const setAttendance = (name: string, id: string, state: Attendance | null): Promise<void> =>
  call(of(name, `/events/${part(id)}/attendance`), state ? { method: "PUT", body: { state } } : { method: "DELETE" });
export const attendeesOf = (name: string, id: string, state: string, cursor: string): Promise<Page<Person>> =>
  call(paged(of(name, `/events/${part(id)}/attendance`), cursor, { state }));
export const calendarOf = (name: string, id = ""): string => `/api/v1${of(name, id ? `/events/${part(id)}.ics` : "/events.ics")}`;
