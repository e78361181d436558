import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";

export type Rule = Answer<"getRecordingRule">;

export const readRule = (): Promise<Rule> => call("/me/recordings");
export const putRule = (body: Body<"setRecordingRule">): Promise<Rule> => call("/me/recordings", { method: "PUT", body });
export const pin = (streamId: string): Promise<void> =>
  call(`/streams/${encodeURIComponent(streamId)}/recording/pin`, { method: "PUT" });
