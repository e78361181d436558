import { call } from "../../api/session";
import type { Answer, Body, Me, Page, Profile } from "../../api/types";
import { upload } from "../../api/upload";

const part = encodeURIComponent;

export const getUser = (username: string): Promise<Profile> => call(`/users/${part(username)}`);

export const setFollow = (username: string, following: boolean): Promise<void> =>
  call(`/users/${part(username)}/follow`, { method: following ? "PUT" : "DELETE" });

export type Asked = Answer<"listFollowRequests">["items"][number];
export type Hidden = "blocks" | "mutes";

const paged = (path: string, cursor: string): Promise<Page<Asked>> => call(`${path}${cursor && `?cursor=${part(cursor)}`}`);

export const followRequests = (cursor: string): Promise<Page<Asked>> => paged("/me/follow-requests", cursor);

export const hiddenPeople = (what: Hidden, cursor: string): Promise<Page<Asked>> => paged(`/me/${what}`, cursor);

export const answerRequest = (username: string, isApproved: boolean): Promise<void> =>
  call(`/me/follow-requests/${part(username)}`, { method: isApproved ? "PUT" : "DELETE" });

export const showAgain = (what: Hidden, username: string): Promise<void> =>
  call(`/users/${part(username)}/${what === "blocks" ? "block" : "mute"}`, { method: "DELETE" });

export type HiddenWord = Answer<"listHiddenWords">["words"][number];

export const hiddenWords = async (): Promise<HiddenWord[]> => (await call<Answer<"listHiddenWords">>("/me/hidden-words")).words;

/** In place of all that there were. */
export const setHiddenWords = async (words: readonly HiddenWord[]): Promise<HiddenWord[]> =>
  (await call<Answer<"setHiddenWords">>("/me/hidden-words", { method: "PUT", body: { words } })).words;

export const editMe = (body: Body<"changeMe">): Promise<Me> =>
  call("/me", { method: "PATCH", body });

export type PictureKind = "avatar" | "banner";

export const sendPicture = (kind: PictureKind, file: Blob, options: Parameters<typeof upload>[2]): Promise<Me> =>
  upload<Answer<"setAvatar">>(`/me/${kind}`, file, options);

export const removePicture = (kind: PictureKind): Promise<void> => call(`/me/${kind}`, { method: "DELETE" });

export async function maxPictureBytes(): Promise<number> {
  const { limits } = await call<Answer<"getServer">>("/server");
  return Number(limits["picture_bytes"] ?? Infinity);
}
