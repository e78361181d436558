import { ApiError } from "../../api/http";
import { call } from "../../api/session";
import { upload } from "../../api/upload";
import type { Answer, Body } from "../../api/types";

export type Source = Answer<"readSource">;
export type Channel = Answer<"readChannel">;
export type ChannelBody = Body<"putChannel">;
export type Slate = Answer<"getSlate">;

const of = (streamId: string): string => `/streams/${encodeURIComponent(streamId)}`;

/** Null where there is none. */
const orNone = <T>(asked: Promise<T>): Promise<T | null> =>
  asked.catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  });

export const readSource = (streamId: string): Promise<Source | null> => orNone(call<Source>(`${of(streamId)}/source`));
export const putSource = (streamId: string, url: string): Promise<Source> =>
  call(`${of(streamId)}/source`, { method: "PUT", body: { url } });
export const removeSource = (streamId: string): Promise<void> => call(`${of(streamId)}/source`, { method: "DELETE" });

export const readChannel = (streamId: string): Promise<Channel | null> => orNone(call<Channel>(`${of(streamId)}/channel`));
export const putChannel = (streamId: string, body: ChannelBody): Promise<Channel> =>
  call(`${of(streamId)}/channel`, { method: "PUT", body });
export const removeChannel = (streamId: string): Promise<void> => call(`${of(streamId)}/channel`, { method: "DELETE" });

export const readSlate = (): Promise<Slate> => call("/me/slate");
export const sendSlate = (file: Blob): Promise<Slate> =>
  upload<Slate>("/me/slate", file, { method: "PUT", onProgress: () => undefined, signal: new AbortController().signal });
export const removeSlate = (): Promise<void> => call("/me/slate", { method: "DELETE" });
