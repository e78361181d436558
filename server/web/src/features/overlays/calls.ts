import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";

export type OverlayKey = Answer<"getOverlayKey">;
export type Shown = Answer<"getOverlay">;

export const getOverlayKey = (): Promise<OverlayKey> => call("/me/overlay-key");
export const rotateOverlayKey = (): Promise<OverlayKey> => call("/me/overlay-key", { method: "POST" });
/** With the key of the address. */
export const getOverlay = (): Promise<Shown> => call("/overlay", { timeoutMs: 8000 });

export type Goal = Answer<"listGoals">["items"][number];

export const myGoals = (): Promise<Answer<"listGoals">> => call("/me/goals");
export const putGoal = (kind: Goal["kind"], goal: Body<"putGoal">): Promise<Goal> => call(`/me/goals/${kind}`, { method: "PUT", body: goal });
export const removeGoal = (kind: Goal["kind"]): Promise<void> => call(`/me/goals/${kind}`, { method: "DELETE" });
/** With the key of the address. */
export const getGoals = (): Promise<Answer<"getOverlayGoals">> => call("/overlay/goals", { timeoutMs: 8000 });
