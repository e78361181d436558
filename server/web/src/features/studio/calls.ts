import { call } from "../../api/session";
import type { Answer, Health, Ingest } from "../../api/types";

const part = encodeURIComponent;

export const streamHealth = (id: string, history: boolean): Promise<Health> =>
  call(`/streams/${part(id)}/health${history ? "?history=true" : ""}`, { timeoutMs: 5000 });

export const myIngest = (): Promise<Ingest> => call("/me/ingest");

export const rotateIngest = (): Promise<Ingest> => call("/me/ingest/rotate", { method: "POST" });

/** What OBS would be told to encode, for a canvas of 1080p at 60 frames a second. */
export const obsConfiguration = (): Promise<Answer<"configureObs">> =>
  call("/ingest/obs", { method: "POST", body: { preferences: { width: 1920, height: 1080, framerate: { numerator: 60, denominator: 1 } } } });
