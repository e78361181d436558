import type en from "./en";
import type { Channel } from "./calls";

/** How a source or a channel fares, as the catalogue has it. */
export const STATES = {
  idle: "idle",
  connecting: "connecting",
  live: "live",
  waiting: "waiting",
  retrying: "retrying",
  refused: "refused",
  over: "over",
} as const satisfies Record<Channel["state"], keyof typeof en>;
