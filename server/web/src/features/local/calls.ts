import { randomId } from "../../api/locks";
import { call } from "../../api/session";
import type { Answer, Body, Page } from "../../api/types";

const part = encodeURIComponent;

export type Offer = Answer<"getOffer">;
export type Kind = Offer["kind"];
export const RADIUS_KM = 50;

export const listOffers = (q: string, near: string, kind: string, cursor: string): Promise<Page<Offer>> =>
  call(
    `/offers?${new URLSearchParams({
      limit: "30",
      ...(q && { q }),
      ...(near && { near, radius_km: String(RADIUS_KM) }),
      ...(kind && { kind }),
      ...(cursor && { cursor }),
    })}`,
  );
export const getOffer = (id: string): Promise<Offer> => call(`/offers/${part(id)}`);
export const makeOffer = async (body: Body<"makeOffer">): Promise<Offer> =>
  (await call<Answer<"makeOffer">>("/offers", { method: "POST", body, headers: { "Idempotency-Key": randomId() } })).offer;
export const deleteOffer = (id: string): Promise<void> => call(`/offers/${part(id)}`, { method: "DELETE" });
export const writeTo = async (username: string): Promise<string> =>
  (await call<{ conversation: { id: string } }>("/conversations", { method: "POST", body: { people: [username] } })).conversation.id;

/** Where the person is, to about a kilometre. */
export const whereIAm = (): Promise<string> =>
  new Promise((resolve, reject) =>
    navigator.geolocation
      ? navigator.geolocation.getCurrentPosition(({ coords }) => resolve(`${coords.latitude.toFixed(2)},${coords.longitude.toFixed(2)}`), reject)
      : reject(new Error("no place")),
  );
