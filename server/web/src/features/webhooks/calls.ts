import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";

export type Webhook = Answer<"listWebhooks">["items"][number];
export type NewWebhook = Body<"addWebhook">;
export type EventName = NewWebhook["events"][number];
export type Deliveries = Answer<"listDeliveries">;
export type Delivery = Deliveries["items"][number];

const base = "/me/webhooks";

export const listWebhooks = (): Promise<Answer<"listWebhooks">> => call(`${base}?limit=100`);
export const addWebhook = (body: NewWebhook): Promise<Answer<"addWebhook">> => call(base, { method: "POST", body });
export const switchWebhook = (id: string, active: boolean): Promise<Webhook> => call(`${base}/${id}`, { method: "PATCH", body: { active } });
export const removeWebhook = (id: string): Promise<void> => call(`${base}/${id}`, { method: "DELETE" });
export const listDeliveries = (id: string, cursor: string | null): Promise<Deliveries> =>
  call(`${base}/${id}/deliveries?limit=20${cursor ? `&cursor=${cursor}` : ""}`, { timeoutMs: 5000 });
export const replayDelivery = (id: string, delivery: string): Promise<Delivery> =>
  call(`${base}/${id}/deliveries/${delivery}/replay`, { method: "POST" });
export const pingWebhook = (id: string): Promise<Delivery> => call(`${base}/${id}/ping`, { method: "POST" });
