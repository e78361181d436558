import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";

export type Restream = Answer<"listRestreams">["items"][number];
export type Target = Body<"putRestream">;

const part = encodeURIComponent;
const base = (streamId: string | null): string => (streamId ? `/streams/${part(streamId)}/restreams` : "/me/restreams");

/** Of a stream with the person's own; without a stream the person's own. */
export const listRestreams = (streamId: string | null): Promise<Answer<"listRestreams">> => call(base(streamId), { timeoutMs: 5000 });

export const putRestream = (streamId: string | null, name: string, body: Target): Promise<Restream> =>
  call(`${base(streamId)}/${part(name)}`, { method: "PUT", body });

export const removeRestream = (streamId: string | null, name: string): Promise<void> =>
  call(`${base(streamId)}/${part(name)}`, { method: "DELETE" });
