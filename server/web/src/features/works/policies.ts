/** Names of policies and states, without a browser. */
import type { Match, Work } from "./calls";
import { t } from "./words";

export const policyName = (policy: Work["policy"]): string =>
  ({ credit: t("policyCredit"), mute: t("policyMute"), block: t("policyBlock") })[policy];

export const workState = (state: Work["state"]): string =>
  ({ indexing: t("workIndexing"), ready: t("workReady"), failed: t("workFailed") })[state];

export const matchState = (state: Match["state"]): string =>
  ({ open: t("matchOpen"), disputed: t("matchDisputed"), upheld: t("matchUpheld"), withdrawn: t("matchWithdrawn") })[state];
