/** The streamer's side of a stage: one's own place, the picture's layout, invitations, and the people. */
import { useEffect, useState } from "preact/hooks";
import { BroadcastIcon, StopIcon } from "../../ui/icons";
import { CopyButton, Spinner, useInterval } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { Preview } from "../studio/preview";
import type { Studio } from "../studio/studio";
import {
  changeSeat,
  changeStage,
  invite,
  readStage,
  removeSeat,
  takeOwnSeat,
  type Invitation,
  type Place,
  type SeatOf,
  type StageOf,
} from "./calls";
import type en from "./en";
import "./stage.css";
import { StageView } from "./view";
import { t } from "./words";

const POLL_MS = 2000;
const STATES = { invited: "invited", away: "away", present: "present" } as const satisfies Record<SeatOf["state"], keyof typeof en>;
const LAYOUTS = ["grid", "spotlight", "pip"] as const;

export function StageStudio({ streamId, studio }: { streamId: string | null; studio: Studio }) {
  return (
    <section class="panel stage-studio" aria-labelledby="stage-title">
      <h2 id="stage-title">{t("title")}</h2>
      <p class="dim">{t("explained")}</p>
      {streamId ? (
        <StageOfStream key={streamId} streamId={streamId} studio={studio} />
      ) : (
        <>
          <Preview studio={studio} />
          <p class="note">{t("prepareFirst")}</p>
        </>
      )}
    </section>
  );
}

function StageOfStream({ streamId, studio }: { streamId: string; studio: Studio }) {
  const [stage, setStage] = useState<StageOf | null>(null);
  const [place, setPlace] = useState<Place | null>(null);
  const load = async (): Promise<void> => {
    const found = await readStage(streamId).catch(() => null);
    if (found) setStage(found);
  };
  useEffect(() => void load(), []);
  useInterval(() => void load(), POLL_MS, true, place !== null);
  const change = (work: () => Promise<StageOf>): Promise<void> => attempt(() => work().then(setStage));
  const enter = (): Promise<void> => attempt(() => takeOwnSeat(streamId).then(setPlace).then(load));
  const hasAny = studio.source.value !== "none" || studio.micOn.value;
  if (!stage) return <Spinner />;
  return (
    <>
      {place ? (
        <StageView place={place} studio={studio}>
          <AirButton stage={stage} onPress={(on) => void change(() => changeStage(streamId, { on_air: on }))} />
        </StageView>
      ) : (
        <>
          <Preview studio={studio} />
          <button type="button" class="button accent large" disabled={!hasAny} onClick={() => void enter()}>
            {t("enter")}
          </button>
          {!hasAny && <p class="note">{t("needsDevice")}</p>}
        </>
      )}
      {stage.trouble && (
        <p class="warning" role="status">
          {t("notOnAir", { reason: stage.trouble })}
        </p>
      )}
      <div class="segmented stage-layouts" role="group" aria-label={t("layout")}>
        {LAYOUTS.map((layout) => (
          <button
            key={layout}
            type="button"
            aria-pressed={stage.layout === layout}
            onClick={() => void change(() => changeStage(streamId, { layout }))}
          >
            {t(layout)}
          </button>
        ))}
      </div>
      <h3>{t("seats")}</h3>
      <ul class="stage-seats">
        {stage.seats.map((seat) => (
          <li key={seat.id}>
            <SeatRow seat={seat} streamId={streamId} stage={stage} change={change} reload={load} />
          </li>
        ))}
      </ul>
      <InviteForm streamId={streamId} onInvited={load} />
    </>
  );
}

function AirButton({ stage, onPress }: { stage: StageOf; onPress: (on: boolean) => void }) {
  return stage.on_air ? (
    <button type="button" class="button danger" onClick={() => onPress(false)}>
      <StopIcon /> {t("leaveAir")}
    </button>
  ) : (
    <button type="button" class="button accent" onClick={() => onPress(true)}>
      <BroadcastIcon /> {t("goOnAir")}
    </button>
  );
}

interface SeatRowProps {
  seat: SeatOf;
  streamId: string;
  stage: StageOf;
  change: (work: () => Promise<StageOf>) => Promise<void>;
  reload: () => Promise<void>;
}

function SeatRow({ seat, streamId, stage, change, reload }: SeatRowProps) {
  const name = seat.name || t("guest");
  const set = (body: Parameters<typeof changeSeat>[2]): void => void change(() => changeSeat(streamId, seat.id, body));
  const hasJoined = seat.state !== "invited";
  return (
    <>
      <span>
        <strong>
          <bdi>{name}</bdi>
        </strong>{" "}
        <span class="dim">
          {[seat.is_host ? t("host") : "", t(STATES[seat.state]), hasJoined && !seat.on_stage ? t("inWings") : ""].filter(Boolean).join(" · ")}
        </span>
      </span>
      <span class="row">
        {hasJoined && (
          <>
            <button
              type="button"
              class={`button small${seat.on_stage ? "" : " accent"}`}
              aria-label={t(seat.on_stage ? "dismiss" : "admit", { name })}
              onClick={() => set({ on_stage: !seat.on_stage })}
            >
              {t(seat.on_stage ? "dismissShort" : "admitShort")}
            </button>
            <button
              type="button"
              class="button small"
              aria-label={t(seat.muted ? "unmute" : "mute", { name })}
              onClick={() => set({ muted: !seat.muted })}
            >
              {t(seat.muted ? "unmuteShort" : "muteShort")}
            </button>
            <button
              type="button"
              class="button small"
              aria-pressed={stage.spotlight === seat.id}
              aria-label={t("shine", { name })}
              onClick={() => void change(() => changeStage(streamId, { spotlight: seat.id }))}
            >
              {t("shineShort")}
            </button>
          </>
        )}
        {!seat.is_host && (
          <button
            type="button"
            class="button small"
            aria-label={t("remove", { name })}
            onClick={() => void attempt(() => removeSeat(streamId, seat.id).then(reload))}
          >
            {t("removeShort")}
          </button>
        )}
      </span>
    </>
  );
}

function InviteForm({ streamId, onInvited }: { streamId: string; onInvited: () => Promise<void> }) {
  const [name, setName] = useState("");
  const [made, setMade] = useState<{ name: string; invitation: Invitation } | null>(null);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const given = name.trim();
    void attempt(async () => {
      setMade({ name: given || t("guest"), invitation: await invite(streamId, given) });
      setName("");
      await onInvited();
    });
  };
  return (
    <>
      <form class="stage-invite" onSubmit={submit}>
        <div class="field">
          <label for="stage-name">{t("inviteName")}</label>
          <input
            id="stage-name"
            name="name"
            maxLength={50}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
            autocomplete="off"
          />
        </div>
        <button type="submit" class="button">
          {t("invite")}
        </button>
      </form>
      {made && (
        <div class="field" role="status">
          <label for="stage-link">{t("link", { name: made.name })}</label>
          <span class="with-button">
            <input id="stage-link" class="mono" dir="ltr" readOnly value={linkOf(made.invitation)} />
            <CopyButton text={linkOf(made.invitation)} label={t("copyLink")} />
          </span>
          <p class="dim">{t("linkHint")}</p>
        </div>
      )}
    </>
  );
}

/** As this page was opened, which may be by another name of the same server. */
const linkOf = (invitation: Invitation): string => `${location.origin}/stage/${invitation.token}`;
