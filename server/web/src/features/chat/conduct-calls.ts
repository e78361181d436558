import { call } from "../../api/session";
import type { Answer } from "../../api/types";

export type Card = Answer<"getRoomPerson">;
export type Note = Answer<"addRoomNote">;
export type UnbanRequest = Answer<"listUnbanRequests">["items"][number];

const people = (roomId: string, userId: string): string => `/rooms/${roomId}/people/${userId}`;
const requests = (roomId: string): string => `/rooms/${roomId}/unban-requests`;

export const readCard = (roomId: string, userId: string): Promise<Card> => call(people(roomId, userId));
export const addNote = (roomId: string, userId: string, text: string): Promise<Note> =>
  call(`${people(roomId, userId)}/notes`, { method: "POST", body: { text } });
export const removeNote = (roomId: string, id: string): Promise<void> => call(`/rooms/${roomId}/notes/${id}`, { method: "DELETE" });
export const askForUnban = (roomId: string, text: string): Promise<UnbanRequest> =>
  call(requests(roomId), { method: "POST", body: { text } });
export const waitingRequests = (roomId: string): Promise<Answer<"listUnbanRequests">> =>
  call(`${requests(roomId)}?state=waiting&limit=100`);
export const decideRequest = (roomId: string, id: string, allow: boolean): Promise<UnbanRequest> =>
  call(`${requests(roomId)}/${id}`, { method: "POST", body: { allow } });
