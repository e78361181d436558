import { problemOf, send } from "../../api/http";
import { randomId } from "../../api/locks";
import { accessToken, call } from "../../api/session";
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

export type PoolStatement = Answer<"listPoolStatements">["items"][number];
export type Split = Answer<"listSplits">["items"][number];

export const poolStatements = (): Promise<Answer<"listPoolStatements">> => call("/me/pool?limit=50");

export const splits = (): Promise<Answer<"listSplits">> => call("/me/splits?limit=50");

export const answerSplit = (id: string, verb: "agree" | "decline"): Promise<Answer<"agreeSplit">> =>
  call(`/splits/${id}/${verb}`, { method: "POST" });

export type AdEarned = Answer<"getAdEarnings">["items"][number];

export const adEarnings = async (): Promise<AdEarned[]> => (await call<Answer<"getAdEarnings">>("/me/ad-earnings")).items;

export type NewSplit = Body<"offerSplit">;

export const offerSplit = (body: NewSplit): Promise<Answer<"offerSplit">> => call("/me/splits", { method: "POST", body });

export type Subscription = Answer<"listSubscriptions">["items"][number];

export const mySubscriptions = (): Promise<Answer<"listSubscriptions">> => call("/subscriptions?limit=50");

export const cancelSubscription = (id: string): Promise<void> => call(`/subscriptions/${id}`, { method: "DELETE" });

export const openBillingPortal = (): Promise<Answer<"openBillingPortal">> => call("/me/billing-portal", { method: "POST" });

export const supporters = (): Promise<Answer<"listSubscribers">> => call("/me/subscribers?limit=50");

export type YearTotals = Answer<"getTaxTotals">;

export const taxTotals = (year: number): Promise<YearTotals> => call(`/me/tax-totals?year=${year}`);

/** All movements of a year. */
export async function statement(year: number, format: "csv" | "pdf"): Promise<Blob> {
  const period = new URLSearchParams({ from: `${year}-01-01`, to: `${year}-12-31` });
  const headers = { Authorization: `Bearer ${(await accessToken()) ?? ""}` };
  const answer = await send(`/api/v1/me/payouts/statement.${format}?${period}`, { headers });
  if (!answer.ok) throw await problemOf(answer);
  return answer.blob();
}

// For operators.

export type AdminLedger = Answer<"listTransfers">;
export type Check = Answer<"checkLedger">;
export type StripeEvent = Answer<"listStripeEvents">["items"][number];
export type Reconciliation = Answer<"listReconciliations">["items"][number];

const page = (cursor: string | null): string => new URLSearchParams(cursor ? { cursor } : {}).toString();

export const transfers = (cursor: string | null): Promise<AdminLedger> => call(`/admin/ledger?${page(cursor)}`);

export const checkLedger = (): Promise<Check> => call("/admin/ledger/check", { timeoutMs: 300_000 });

export type Withheld = Answer<"getWithholding">;
export type Rule = Withheld["rules"][number];
export type Held = Withheld["held"][number];

export const withholding = (): Promise<Withheld> => call("/admin/withholding");

export const putWithholding = (rules: Rule[]): Promise<Withheld> => call("/admin/withholding", { method: "PUT", body: { rules } });

export const settleWithholding = (body: Body<"settleWithholding">): Promise<Answer<"settleWithholding">> =>
  call("/admin/withholding/settlements", { method: "POST", body, headers: once() });

export const stripeEvents = (state: string): Promise<Answer<"listStripeEvents">> =>
  call(`/admin/webhooks/stripe?${new URLSearchParams(state ? { state, limit: "50" } : { limit: "50" })}`);

export const replayEvent = (id: string): Promise<Answer<"replayStripeEvent">> =>
  call(`/admin/webhooks/stripe/${encodeURIComponent(id)}/replay`, { method: "POST" });

export const reconciliations = (): Promise<Answer<"listReconciliations">> => call("/admin/payments/reconciliations?limit=10");

export const reconcile = (): Promise<Answer<"reconcile">> => call("/admin/payments/reconciliations", { method: "POST" });
