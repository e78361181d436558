import { randomId } from "../../api/locks";
import { call } from "../../api/session";
import type { Answer, Body, Page } from "../../api/types";

const once = (): Record<string, string> => ({ "Idempotency-Key": randomId() });
const of = (id: string, what = ""): string => `/ads/campaigns/${encodeURIComponent(id)}${what}`;
const post = <T>(path: string, body?: unknown): Promise<T> => call(path, { method: "POST", body, headers: once() });

export type Campaign = Answer<"getCampaign">;
export type Creative = Answer<"listCreatives">["items"][number];
export type Results = Answer<"getCampaignResults">;
export type Ad = NonNullable<Answer<"decideAd">["ad"]>;
export type Preferences = Answer<"getAdPreferences">;
export type CreatorChoice = Answer<"getAdSettings">;

export const campaigns = (cursor: string): Promise<Page<Campaign>> =>
  call(`/ads/campaigns?${new URLSearchParams({ limit: "20", ...(cursor && { cursor }) })}`);
export const getCampaign = (id: string): Promise<Campaign> => call(of(id));
export const makeCampaign = async (body: Body<"makeCampaign">): Promise<Campaign> =>
  (await post<Answer<"makeCampaign">>("/ads/campaigns", body)).campaign;
export const changeCampaign = (id: string, body: Body<"changeCampaign">): Promise<Campaign> => call(of(id), { method: "PATCH", body });
export const endCampaign = (id: string): Promise<void> => call(of(id), { method: "DELETE" });
export const pay = (id: string, amount: number): Promise<Answer<"payCampaign">> => post(of(id, "/payments"), { amount });
export const creativesOf = async (id: string): Promise<Creative[]> => (await call<Answer<"listCreatives">>(of(id, "/creatives"))).items;
export const addCreative = (id: string, body: Body<"addCreative">): Promise<Answer<"addCreative">> => post(of(id, "/creatives"), body);
export const removeCreative = (id: string, creative: string): Promise<void> => call(of(id, `/creatives/${creative}`), { method: "DELETE" });
export const results = (id: string, days: number): Promise<Results> => call(of(id, `/results?days=${days}`));

export const toJudge = (state: string): Promise<Answer<"listCreativesToJudge">> => call(`/admin/ads/creatives?state=${state}&limit=50`);
export const judge = (id: string, body: Body<"judgeCreative">): Promise<Answer<"judgeCreative">> =>
  call(`/admin/ads/creatives/${id}`, { method: "PUT", body });

export const preferences = (): Promise<Preferences> => call("/me/ad-preferences");
export const putPreferences = (body: Body<"putAdPreferences">): Promise<Preferences> => call("/me/ad-preferences", { method: "PUT", body });
export const creatorChoice = (): Promise<CreatorChoice> => call("/me/ad-settings");
export const putCreatorChoice = (body: Body<"putAdSettings">): Promise<CreatorChoice> => call("/me/ad-settings", { method: "PUT", body });

/** The advertisement to be shown now; null: none. */
export async function decide(streamId: string, breakId?: string): Promise<Ad | null> {
  const query = new URLSearchParams({ stream_id: streamId, ...(breakId && { place: "mid", break_id: breakId }) });
  return (await call<Answer<"decideAd">>(`/ads/decision?${query}`)).ad;
}
export const tell = (beacon: string): Promise<void> => call(beacon.replace(/^\/api\/v1/, ""), { method: "POST" });
export const callBreak = (streamId: string): Promise<Answer<"callAdBreak">> => post(`/streams/${streamId}/ad-break`);
