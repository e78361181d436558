import { randomId } from "../../api/locks";
import { problemOf, send } from "../../api/http";
import { accessToken, call } from "../../api/session";
import { upload } from "../../api/upload";
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

export const putPoster = (id: string, uploadId: string): Promise<Video> =>
  call(`/videos/${part(id)}/poster`, { method: "PUT", body: { upload_id: uploadId } satisfies Body<"putVideoPoster"> });

export const removePoster = (id: string): Promise<Video> => call(`/videos/${part(id)}/poster`, { method: "DELETE" });

export const trimVideo = (id: string, body: Body<"trimVideo">): Promise<{ video: Video }> =>
  call(`/videos/${part(id)}/trim`, { method: "POST", body, headers: { "Idempotency-Key": randomId() } });

export const encodeAgain = (id: string): Promise<void> => call(`/videos/${part(id)}/encode`, { method: "POST" });

export type CaptionsOf = Answer<"listVideoCaptions">["items"][number];

export const captionsOf = (id: string): Promise<Page<CaptionsOf>> => call(`/videos/${part(id)}/captions`);

/** As WebVTT, by the time of the video. */
export async function captionsIn(id: string, language: string): Promise<string> {
  const token = await accessToken();
  const headers: HeadersInit = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await send(`/api/v1/videos/${part(id)}/captions/${part(language)}`, { headers });
  if (!response.ok) throw await problemOf(response);
  return response.text();
}

export const removeCaptions = (id: string, language: string): Promise<void> =>
  call(`/videos/${part(id)}/captions/${part(language)}`, { method: "DELETE" });

export const putCaptions = (id: string, language: string, text: string): Promise<CaptionsOf> =>
  upload(`/videos/${part(id)}/captions/${part(language)}`, new Blob([text], { type: "text/vtt" }), {
    method: "PUT",
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });
