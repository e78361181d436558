import { call } from "../../api/session";
import type { Body, Me, Profile } from "../../api/types";

const part = encodeURIComponent;

export const getUser = (username: string): Promise<Profile> => call(`/users/${part(username)}`);

export const setFollow = (username: string, following: boolean): Promise<void> =>
  call(`/users/${part(username)}/follow`, { method: following ? "PUT" : "DELETE" });

export const editMe = (body: Body<"changeMe">): Promise<Me> =>
  call("/me", { method: "PATCH", body });
