import { randomId } from "../../api/locks";
import { call } from "../../api/session";
import type { Answer, Body, Page } from "../../api/types";

const part = encodeURIComponent;

export type Video = Answer<"getVideo">;

export const getVideo = (id: string): Promise<Video> => call(`/videos/${part(id)}`);

export const createVideo = (body: Body<"createVideo">): Promise<{ video: Video }> =>
  call("/videos", { method: "POST", body, headers: { "Idempotency-Key": randomId() } });

export const changeVideo = (id: string, body: Body<"changeVideo">): Promise<Video> =>
  call(`/videos/${part(id)}`, { method: "PATCH", body });

export const deleteVideo = (id: string): Promise<void> => call(`/videos/${part(id)}`, { method: "DELETE" });

export const myVideos = (cursor: string): Promise<Page<Video>> => call(`/me/videos${cursor && `?cursor=${part(cursor)}`}`);

export const videosOf = (username: string, limit = 12): Promise<Page<Video>> =>
  call(`/users/${part(username)}/videos?limit=${limit}`);
