/** Push messages to this browser: asked for on a press only, renewed when the browser has changed the subscription. */
import { effect } from "@preact/signals";
import { call, me } from "../../api/session";
import type { Answer, Body } from "../../api/types";
import { navigate } from "../../router";
import { recall, remember } from "../../ui/remember";

export type Devices = Answer<"listPushSubscriptions">;
export type Device = Devices["items"][number];

/** The endpoint that the server knows of this browser; empty: none. */
const STORED = "sf.push";
const PATH = "/me/push-subscriptions";

export const canPush = (): boolean => "serviceWorker" in navigator && "PushManager" in globalThis && "Notification" in globalThis;

export const isRefused = (): boolean => canPush() && Notification.permission === "denied";

export const listDevices = (): Promise<Devices> => call(PATH);

export const removeDevice = (id: string): Promise<void> => call(`${PATH}/${id}`, { method: "DELETE" });

async function subscription(): Promise<PushSubscription | null> {
  const worker = canPush() ? await navigator.serviceWorker.getRegistration("/") : undefined;
  return (await worker?.pushManager.getSubscription()) ?? null;
}

export const isOn = async (): Promise<boolean> => Boolean(recall(STORED)) && (await subscription()) !== null;

/** On a press: browsers answer a question that nobody asked for with no, for good. False when the person refuses. */
export async function turnOn(publicKey: string): Promise<boolean> {
  if ((await Notification.requestPermission()) !== "granted") return false;
  await navigator.serviceWorker.register("/sw.js");
  const worker = await navigator.serviceWorker.ready;
  const held = await worker.pushManager.getSubscription();
  if (held && !isOf(held, publicKey)) await held.unsubscribe();
  const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(publicKey) });
  await tell(made);
  return true;
}

/** The server is told first: what it knows no more it cannot push to, whatever the browser does. */
export async function turnOff(): Promise<void> {
  const held = await subscription();
  const endpoint = held?.endpoint ?? recall(STORED);
  remember(STORED, "");
  if (endpoint) await call(PATH, { method: "DELETE", body: { endpoint } satisfies Body<"removePushTarget"> }).catch(() => undefined);
  await held?.unsubscribe();
}

async function tell(made: PushSubscription): Promise<void> {
  await call(PATH, { method: "POST", body: made.toJSON() as Body<"addPushSubscription"> });
  remember(STORED, made.endpoint);
}

/** The browser may have renewed its subscription while no page was open. */
async function renew(): Promise<void> {
  const held = await subscription();
  if (held && held.endpoint !== recall(STORED)) await tell(held);
}

/** Once, by what every page has: presses on messages open here; who signs out takes the device along. */
export function startPush(): void {
  if (!canPush()) return;
  navigator.serviceWorker.addEventListener("message", ({ data }: MessageEvent<{ open?: unknown }>) => {
    if (typeof data?.open === "string" && /^\/(?![/\\])/.test(data.open)) navigate(data.open);
  });
  let known: string | null = null;
  effect(() => {
    const id = me.value?.id ?? null;
    if (id && id !== known && recall(STORED)) void renew().catch(() => undefined);
    if (!id && known) void leave();
    known = id;
  });
}

/** Nobody is signed in, so the server learns of it by the next message, which the browser's service refuses. */
async function leave(): Promise<void> {
  remember(STORED, "");
  await (await subscription())?.unsubscribe().catch(() => undefined);
}

const isOf = (held: PushSubscription, publicKey: string): boolean => {
  const key = held.options.applicationServerKey;
  return key !== null && String(new Uint8Array(key)) === String(bytesOf(publicKey));
};

/** Of base64url. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (one) => one.charCodeAt(0));
}
