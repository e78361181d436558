import { randomId } from "../../api/locks";
import { call } from "../../api/session";
import type { Answer, Body, Page } from "../../api/types";

const part = encodeURIComponent;

export type Clip = Answer<"getClip">;
export type ClipSettings = Answer<"getClipSettings">;

export const getClip = (id: string): Promise<Clip> => call(`/clips/${part(id)}`);

export const makeClip = (streamId: string, body: Body<"makeClip">): Promise<{ clip: Clip }> =>
  call(`/streams/${part(streamId)}/clips`, { method: "POST", body, headers: { "Idempotency-Key": randomId() } });

export const clipsOfStream = (streamId: string, limit = 12): Promise<Page<Clip>> =>
  call(`/streams/${part(streamId)}/clips?limit=${limit}`);

export type Highlight = Answer<"listHighlights">["items"][number];

export const highlightsOf = (streamId: string): Promise<{ items: Highlight[] }> => call(`/streams/${part(streamId)}/highlights`);

export const clipsOfPerson = (username: string, limit = 12): Promise<Page<Clip>> =>
  call(`/users/${part(username)}/clips?limit=${limit}`);

export const deleteClip = (id: string): Promise<void> => call(`/clips/${part(id)}`, { method: "DELETE" });

export const getClipSettings = (): Promise<ClipSettings> => call("/me/clip-settings");

export const setClipSettings = (body: ClipSettings): Promise<ClipSettings> => call("/me/clip-settings", { method: "PUT", body });
