import { randomId } from "../../api/locks";
import { call } from "../../api/session";
import type { Answer, Body, Page } from "../../api/types";

const part = encodeURIComponent;

export type Marker = Answer<"addMarker">;

export const markersOf = (streamId: string): Promise<Page<Marker>> => call(`/streams/${part(streamId)}/markers?limit=100`);

export const addMarker = (streamId: string, body: Body<"addMarker">): Promise<Marker> =>
  call(`/streams/${part(streamId)}/markers`, { method: "POST", body, headers: { "Idempotency-Key": randomId() } });

export const removeMarker = ({ stream_id, id }: Marker): Promise<void> =>
  call(`/streams/${part(stream_id)}/markers/${part(id)}`, { method: "DELETE" });
