import { call } from "../../api/session";
import type { Answer } from "../../api/types";

export type OverlayKey = Answer<"getOverlayKey">;
export type Shown = Answer<"getOverlay">;

export const getOverlayKey = (): Promise<OverlayKey> => call("/me/overlay-key");
export const rotateOverlayKey = (): Promise<OverlayKey> => call("/me/overlay-key", { method: "POST" });
/** With the key of the address. */
export const getOverlay = (): Promise<Shown> => call("/overlay", { timeoutMs: 8000 });
