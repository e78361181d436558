/** Recordings and clips that are played as a live broadcast: which, in which order, and how each fares. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { duration } from "../../ui/format";
import { Field, useInterval } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { clipsOfPerson } from "../clips/calls";
import { streamsOf } from "../streams/calls";
import { putChannel, readChannel, removeChannel, type Channel } from "./calls";
import { STATES } from "./states";
import { t } from "./words";

const POLL_MS = 4000;
const FAULTS = { missing: "missing", unreadable: "unreadable" } as const;

interface Item {
  kind: "recording" | "clip";
  id: string;
  title: string;
  seconds: number | null;
  fault: string;
}

const nameOf = ({ title }: Item): string => title || t("untitled");

/** What can be played: recordings and clips of this person. */
async function choices(username: string): Promise<Item[]> {
  const [streams, clips] = await Promise.all([streamsOf(username, 50), clipsOfPerson(username, 50)]);
  const recorded = streams.items.filter(({ state, playback }) => state === "ended" && playback.hls);
  return [
    ...recorded.map(({ id, title }): Item => ({ kind: "recording", id, title, seconds: null, fault: "" })),
    ...clips.items.map(({ id, title }): Item => ({ kind: "clip", id, title, seconds: null, fault: "" })),
  ];
}

const itemsOf = (channel: Channel | null): Item[] =>
  (channel?.items ?? []).map(({ kind, id, title, duration_ms, fault }) => ({
    kind: kind === "clip" ? "clip" : "recording",
    id,
    title,
    seconds: duration_ms / 1000,
    fault,
  }));

export function ChannelPanel({ streamId }: { streamId: string }) {
  const [channel, setChannel] = useState<Channel | null>(null);
  const [edited, setEdited] = useState<Item[] | null>(null);
  const load = async (): Promise<void> => setChannel(await readChannel(streamId));
  const reload = (): void => void load().catch(() => undefined);
  useInterval(reload, POLL_MS, channel !== null);
  const items = edited ?? itemsOf(channel);
  const { form, errors, busy, submit } = useSending(["starts_at"], async (data) => {
    const from = textOf(data, "starts_at");
    const body = {
      items: items.map(({ kind, id }) => ({ kind, id })),
      loop: data.get("loop") !== null,
      starts_at: from ? new Date(from).toISOString() : null,
    };
    setChannel(await putChannel(streamId, body));
    setEdited(null);
  });
  const remove = (): Promise<void> =>
    attempt(() => removeChannel(streamId).then(() => setEdited(null)).then(load), t("removed"));
  return (
    <details class="panel" onToggle={(event) => event.currentTarget.open && reload()}>
      <summary>
        <h2>{t("channel")}</h2>
      </summary>
      <p class="dim">{t("channelText")}</p>
      {channel && <p role="status">{t(STATES[channel.state])}</p>}
      <form class="stream-form" ref={form} onSubmit={submit} noValidate aria-label={t("channel")}>
        <FormError text={errors["form"]} />
        <Items items={items} on={edited ? null : (channel?.item ?? null)} onChange={setEdited} />
        <Adder onAdd={(item) => setEdited([...items, item])} />
        <label class="choice">
          <input type="checkbox" name="loop" defaultChecked={channel?.loop ?? true} /> <span>{t("loop")}</span>
        </label>
        <Field label={t("startsAt")} name="starts_at" error={errors["starts_at"]} hint={t("startsAtHint")}>
          {(ids) => <input {...ids} name="starts_at" type="datetime-local" />}
        </Field>
        <div class="row">
          <button type="submit" class="button accent" disabled={busy || !items.length}>
            {t("play")}
          </button>
          {channel && (
            <button type="button" class="button" onClick={() => void remove()}>
              {t("stopChannel")}
            </button>
          )}
        </div>
      </form>
    </details>
  );
}

interface ItemsProps {
  items: Item[];
  /** Which is on. */
  on: number | null;
  onChange: (items: Item[]) => void;
}

function Items({ items, on, onChange }: ItemsProps) {
  const without = (at: number): Item[] => items.filter((_, other) => other !== at);
  const moved = (at: number, to: number): Item[] => {
    const [item] = items.slice(at, at + 1);
    return item ? [...without(at).slice(0, to), item, ...without(at).slice(to)] : items;
  };
  return (
    <ol class="channel-items">
      {items.map((item, at) => (
        <li key={`${item.id}-${at}`} aria-current={at === on || undefined}>
          <span>
            <bdi>{nameOf(item)}</bdi>
            {item.seconds !== null && <span class="dim tabular"> {duration(item.seconds)}</span>}
            {at === on && <span class="badge"> {t("now")}</span>}
            {item.fault in FAULTS && <span class="warning"> {t(FAULTS[item.fault as keyof typeof FAULTS])}</span>}
          </span>
          <span class="row">
            <button type="button" class="icon-button" disabled={!at} aria-label={t("up", { title: nameOf(item) })} onClick={() => onChange(moved(at, at - 1))}>
              ↑
            </button>
            <button type="button" class="icon-button" disabled={at === items.length - 1} aria-label={t("down", { title: nameOf(item) })} onClick={() => onChange(moved(at, at + 1))}>
              ↓
            </button>
            <button type="button" class="icon-button" aria-label={t("take", { title: nameOf(item) })} onClick={() => onChange(without(at))}>
              ×
            </button>
          </span>
        </li>
      ))}
    </ol>
  );
}

function Adder({ onAdd }: { onAdd: (item: Item) => void }) {
  const [found, setFound] = useState<Item[] | null>(null);
  const [chosen, setChosen] = useState(0);
  const username = me.value?.username;
  useEffect(() => {
    if (username) void choices(username).then(setFound, () => setFound([]));
  }, [username]);
  if (!found) return null;
  if (!found.length) return <p class="hint">{t("nothingToAdd")}</p>;
  const add = (): void => {
    const item = found[chosen];
    if (item) onAdd(item);
  };
  return (
    <div class="with-button">
      <select aria-label={t("choose")} value={chosen} onChange={(event) => setChosen(Number(event.currentTarget.value))}>
        {found.map((item, at) => (
          <option key={item.id} value={at}>
            {t(item.kind === "clip" ? "clipOf" : "recordingOf", { title: nameOf(item) })}
          </option>
        ))}
      </select>
      <button type="button" class="button" onClick={add}>
        {t("addItem")}
      </button>
    </div>
  );
}
