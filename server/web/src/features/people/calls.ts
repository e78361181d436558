import { call } from "../../api/session";
import type { Answer, Body, Me, Profile } from "../../api/types";
import { upload } from "../../api/upload";

const part = encodeURIComponent;

export const getUser = (username: string): Promise<Profile> => call(`/users/${part(username)}`);

export const setFollow = (username: string, following: boolean): Promise<void> =>
  call(`/users/${part(username)}/follow`, { method: following ? "PUT" : "DELETE" });

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
