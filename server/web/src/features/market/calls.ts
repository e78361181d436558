import { randomId } from "../../api/locks";
import { call } from "../../api/session";
import type { Answer, Body, Page } from "../../api/types";

const part = encodeURIComponent;
const once = (): Record<string, string> => ({ "Idempotency-Key": randomId() });

export type Listing = Answer<"getListing">;
export type Order = Answer<"getOrder">;
export type Review = Answer<"listReviews">["items"][number];
export type NewListing = Body<"makeListing">;
export type ListingChange = NonNullable<Body<"changeListing">>;
export type Act = "ship" | "receive" | "cancel" | "dispute" | "answer";

const paged = (path: string, cursor: string, more: Record<string, string> = {}): string =>
  `${path}?${new URLSearchParams({ limit: "20", ...more, ...(cursor && { cursor }) })}`;

export const listListings = (q: string, near: string, cursor: string): Promise<Page<Listing>> =>
  call(paged("/listings", cursor, { ...(q && { q }), ...(near && { near, radius_km: "100" }) }));
export const listingsOf = (seller: string, cursor: string): Promise<Page<Listing>> => call(paged("/listings", cursor, { seller }));
export const getListing = (id: string): Promise<Listing> => call(`/listings/${part(id)}`);
export const makeListing = async (body: NewListing): Promise<Listing> =>
  (await call<Answer<"makeListing">>("/listings", { method: "POST", body, headers: once() })).listing;
export const changeListing = (id: string, body: ListingChange): Promise<Listing> => call(`/listings/${part(id)}`, { method: "PATCH", body });
export const deleteListing = (id: string): Promise<void> => call(`/listings/${part(id)}`, { method: "DELETE" });
export const reviewsOf = (id: string, cursor: string): Promise<Page<Review>> => call(paged(`/listings/${part(id)}/reviews`, cursor));

export type Shown = Answer<"getShelf">["items"][number];
const shelf = (streamId: string): string => `/streams/${part(streamId)}/shelf`;
export const shelfOf = async (streamId: string): Promise<Shown[]> => (await call<Answer<"getShelf">>(shelf(streamId))).items;
/** ``opensInS``: seconds until it can be bought. */
export const showListing = async (streamId: string, id: string, opensInS: number): Promise<Shown[]> =>
  (await call<Answer<"getShelf">>(`${shelf(streamId)}/${part(id)}`, { method: "PUT", body: { opens_in_s: opensInS } })).items;
export const hideListing = (streamId: string, id: string): Promise<void> => call(`${shelf(streamId)}/${part(id)}`, { method: "DELETE" });

export const makeOrder = (body: Body<"makeOrder">): Promise<Answer<"makeOrder">> => call("/orders", { method: "POST", body, headers: once() });
export const listOrders = (role: "buyer" | "seller", cursor: string): Promise<Page<Order>> => call(paged("/orders", cursor, { role }));
export const getOrder = (id: string): Promise<Order> => call(`/orders/${part(id)}`);
export const actOn = async (id: string, act: Act, body?: Record<string, string>): Promise<Order> =>
  (await call<{ order: Order }>(`/orders/${part(id)}/${act}`, { method: "POST", ...(body && { body }) })).order;
export const reviewOrder = (id: string, body: Body<"reviewOrder">): Promise<Answer<"reviewOrder">> =>
  call(`/orders/${part(id)}/review`, { method: "PUT", body });

export const disputedOrders = (cursor: string): Promise<Page<Order>> => call(paged("/moderation/orders", cursor));
export const decide = async (id: string, verdict: "uphold" | "dismiss"): Promise<Order> =>
  (await call<{ order: Order }>(`/moderation/orders/${part(id)}/${verdict}`, { method: "POST" })).order;
