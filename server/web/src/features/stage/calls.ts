import { request } from "../../api/http";
import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";

export type StageOf = Answer<"readStage">;
export type SeatOf = StageOf["seats"][number];
export type Place = Answer<"joinStage">;
export type OwnPlace = Answer<"readOwnSeat">;
export type Invited = Answer<"readInvitation">;
export type Invitation = Answer<"inviteToStage">;

const part = encodeURIComponent;
const base = (streamId: string): string => `/streams/${part(streamId)}/stage`;

export const readStage = (streamId: string): Promise<StageOf> => call(base(streamId), { timeoutMs: 5000 });

export const changeStage = (streamId: string, body: Body<"changeStage">): Promise<StageOf> =>
  call(base(streamId), { method: "PATCH", body });

export const invite = (streamId: string, name: string): Promise<Invitation> =>
  call(`${base(streamId)}/invitations`, { method: "POST", body: { name } });

export const takeOwnSeat = (streamId: string): Promise<Place> => call(`${base(streamId)}/seat`, { method: "POST" });

export const changeSeat = (streamId: string, seat: string, body: Body<"changeSeat">): Promise<StageOf> =>
  call(`${base(streamId)}/seats/${part(seat)}`, { method: "PATCH", body });

export const removeSeat = (streamId: string, seat: string): Promise<void> =>
  call(`${base(streamId)}/seats/${part(seat)}`, { method: "DELETE" });

export const readInvitation = (token: string): Promise<Invited> => request(`/stage/invitations/${part(token)}`);

export const joinStage = (token: string, name: string): Promise<Place> =>
  request(`/stage/invitations/${part(token)}`, { method: "POST", body: { name } });

export const readOwnSeat = (place: Place): Promise<OwnPlace> =>
  request(`/stage/seats/${part(place.seat)}`, { token: place.secret, timeoutMs: 5000 });

export const leaveStage = (place: Place): Promise<void> =>
  request(`/stage/seats/${part(place.seat)}`, { method: "DELETE", token: place.secret, keepalive: true });
