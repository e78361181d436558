import { randomId } from "../../api/locks";
import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";

const part = encodeURIComponent;

export type Poll = Answer<"listPolls">["items"][number];
export type Prediction = Answer<"listPredictions">["items"][number];

/** At most the newest twenty; with a moment (milliseconds of the video), as they stood then. */
export const pollsOf = (streamId: string, atMs?: number): Promise<Answer<"listPolls">> =>
  call(`/streams/${part(streamId)}/polls${moment(atMs)}`);

export const predictionsOf = (streamId: string, atMs?: number): Promise<Answer<"listPredictions">> =>
  call(`/streams/${part(streamId)}/predictions${moment(atMs)}`);

const moment = (atMs?: number): string => (atMs === undefined ? "" : `?media_time=${(atMs / 1000).toFixed(3)}`);

export type Reward = Answer<"listMyRewards">["items"][number];
export type Redemption = Answer<"listRedemptions">["items"][number];

export const rewardsOf = (streamId: string): Promise<Answer<"listRewardsOf">> => call(`/streams/${part(streamId)}/rewards`);

export const myRewards = (): Promise<Answer<"listMyRewards">> => call("/me/rewards");

export const addReward = (body: Body<"addReward">): Promise<Reward> =>
  call("/me/rewards", { method: "POST", body, headers: { "Idempotency-Key": randomId() } });

export const removeReward = (id: string): Promise<void> => call(`/me/rewards/${part(id)}`, { method: "DELETE" });

/** Those that wait for the owner, the newest first. */
export const waitingRedemptions = (): Promise<Answer<"listRedemptions">> => call("/me/redemptions?state=waiting&limit=50");

export const decideRedemption = (id: string, decision: "fulfil" | "refuse"): Promise<Redemption> =>
  call(`/me/redemptions/${part(id)}/${decision}`, { method: "POST" });

export const leadersOf = (roomId: string, { by, period }: { by: string; period: string }): Promise<Answer<"leaderboard">> =>
  call(`/chat/rooms/${part(roomId)}/leaderboard?${new URLSearchParams({ by, period })}`);

export type RaidsFrom = Answer<"getRaidSettings">["allowed"];

export const raidSettings = (): Promise<Answer<"getRaidSettings">> => call("/me/raid-settings");

export const setRaidSettings = (allowed: RaidsFrom): Promise<unknown> => call("/me/raid-settings", { method: "PUT", body: { allowed } });

export const leaderboardSettings = (): Promise<Answer<"getLeaderboardSettings">> => call("/me/leaderboard-settings");

export const setLeaderboardSettings = (listed: boolean): Promise<unknown> =>
  call("/me/leaderboard-settings", { method: "PUT", body: { listed } });
