import { randomId } from "../../api/locks";
import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";

const once = (): Record<string, string> => ({ "Idempotency-Key": randomId() });

export type Tier = Answer<"getMyTiers">["tiers"][number];
export type NewTier = Body<"putMyTiers">["tiers"][number];
export type Balance = Answer<"getBalance">["balances"][number];
export type Payout = Answer<"listPayouts">["items"][number];

export const giveTip = (body: Body<"giveTip">): Promise<Answer<"giveTip">> => call("/tips", { method: "POST", body, headers: once() });

export const tiersOf = (username: string): Promise<Answer<"getTiers">> => call(`/users/${encodeURIComponent(username)}/tiers`);

export const subscribe = (body: Body<"subscribe">): Promise<Answer<"subscribe">> =>
  call("/subscriptions", { method: "POST", body, headers: once() });

export const myTiers = (): Promise<Answer<"getMyTiers">> => call("/me/tiers");

export const putTiers = (tiers: NewTier[]): Promise<Answer<"putMyTiers">> => call("/me/tiers", { method: "PUT", body: { tiers } });

export const balances = (): Promise<Answer<"getBalance">> => call("/me/balance");

export const payouts = (): Promise<Answer<"listPayouts">> => call("/me/payouts?limit=20");

export const openPayoutAccount = (): Promise<Answer<"openPayoutAccount">> => call("/me/payout-account", { method: "POST" });

export const askPayout = (currency: string): Promise<Answer<"askPayout">> =>
  call("/me/payouts", { method: "POST", body: { currency }, headers: once() });
