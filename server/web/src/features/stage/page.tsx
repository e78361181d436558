/** The page of who was invited on a stage: what one sets before, the stage itself, and how it ended. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { listed } from "../../ui/format";
import { HangUpIcon } from "../../ui/icons";
import { Empty, Field, PageTitle, Spinner, useInterval, useTitle } from "../../ui/parts";
import { FormError } from "../../ui/sending";
import { Preview } from "../studio/preview";
import { Studio } from "../studio/studio";
import "../studio/studio.css";
import { joinStage, leaveStage, readInvitation, readOwnSeat, type Invited, type OwnPlace, type Place } from "./calls";
import { dropPlace, keepPlace, keptPlace } from "./places";
import { StageView } from "./view";
import { t } from "./words";

const POLL_MS = 2000;

type Ending = "ended" | "left";

export default function StagePage({ token }: { token: string }) {
  useTitle(t("title"));
  return <OnePlace key={token} token={token} />;
}

function OnePlace({ token }: { token: string }) {
  const studio = useMemo(() => new Studio(), []);
  const [place, setPlace] = useState<Place | null>(null);
  const [ending, setEnding] = useState<Ending | null>(null);
  useEffect(() => () => studio.close(), []);
  const end = (how: Ending): void => {
    dropPlace(token);
    setPlace(null);
    studio.closePicture();
    setEnding(how);
  };
  if (ending) return <Ended how={ending} />;
  if (place) return <OnStage place={place} studio={studio} onEnd={end} />;
  return (
    <Lobby
      token={token}
      studio={studio}
      onPlace={(taken) => {
        keepPlace(token, taken);
        setPlace(taken);
      }}
    />
  );
}

function Ended({ how }: { how: Ending }) {
  return (
    <div class="page centred">
      <PageTitle hidden>{t("title")}</PageTitle>
      <Empty title={t(how)}>
        <p>{t(how === "left" ? "leftText" : "endedText")}</p>
      </Empty>
    </div>
  );
}

interface LobbyProps {
  token: string;
  studio: Studio;
  onPlace: (place: Place) => void;
}

/** Camera, microphone and name. Who has a place already returns to it. */
function Lobby({ token, studio, onPlace }: LobbyProps) {
  const kept = useMemo(() => keptPlace(token), [token]);
  const [invited, setInvited] = useState<Invited | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const load = async (): Promise<void> => {
    setFailure(null);
    try {
      setInvited(await readInvitation(token));
    } catch (error) {
      setFailure(error);
    }
  };
  useEffect(() => void (kept ? undefined : load()), [token]);
  if (failure) return <NoInvitation failure={failure} again={() => void load()} />;
  if (!kept && !invited) return <Spinner />;
  return (
    <div class="page stage-lobby">
      <PageTitle>{invited ? t("invitedBy", { name: invited.owner.display_name || invited.owner.username }) : t("comeBack")}</PageTitle>
      <p class="dim">{invited ? t("toBroadcast", { title: invited.title }) : t("comeBackText")}</p>
      <Preview studio={studio} />
      <ComeIn token={token} studio={studio} kept={kept} name={invited?.name ?? ""} onPlace={onPlace} />
    </div>
  );
}

function NoInvitation({ failure, again }: { failure: unknown; again: () => void }) {
  const isGone = failure instanceof ApiError && failure.status === 404;
  return (
    <div class="page centred">
      <PageTitle hidden>{t("title")}</PageTitle>
      <Empty title={t("invalid")}>
        <p>{isGone ? t("invalidText") : sentence(failure)}</p>
        {!isGone && (
          <button type="button" class="button accent" onClick={again}>
            {t("tryAgain")}
          </button>
        )}
      </Empty>
    </div>
  );
}

function ComeIn({ token, studio, kept, name, onPlace }: LobbyProps & { kept: Place | null; name: string }) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const hasAny = studio.source.value !== "none" || studio.micOn.value;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (!hasAny) return setError(t("needsDevice"));
    const given = new FormData(event.currentTarget as HTMLFormElement).get("name");
    setBusy(true);
    try {
      onPlace(kept ?? (await joinStage(token, typeof given === "string" ? given.trim() : "")));
    } catch (failure) {
      setError(sentence(failure));
      setBusy(false);
    }
  };
  return (
    <form class="stream-form" onSubmit={(event) => void submit(event)} noValidate>
      <FormError text={error} />
      {!kept && (
        <Field label={t("yourName")} name="name" hint={t("yourNameHint")}>
          {(ids) => <input {...ids} name="name" maxLength={50} defaultValue={name} autocomplete="name" />}
        </Field>
      )}
      <button type="submit" class="button accent large" disabled={busy}>
        {busy ? t("joining") : kept ? t("comeBack") : t("join")}
      </button>
    </form>
  );
}

interface OnStageProps {
  place: Place;
  studio: Studio;
  onEnd: (how: Ending) => void;
}

function OnStage({ place, studio, onEnd }: OnStageProps) {
  const [own, setOwn] = useState<OwnPlace | null>(null);
  const look = async (): Promise<void> => {
    try {
      setOwn(await readOwnSeat(place));
    } catch (error) {
      if (error instanceof ApiError && (error.status === 401 || error.status === 404)) onEnd("ended");
    }
  };
  useEffect(() => void look(), []);
  useInterval(() => void look(), POLL_MS, true, true);
  const leave = async (): Promise<void> => {
    if (!confirm(t("confirmLeave"))) return;
    await leaveStage(place).catch(() => undefined);
    onEnd("left");
  };
  return (
    <div class="page stage-page">
      <PageTitle>{own?.title ?? t("title")}</PageTitle>
      <p class="stage-standing" role="status" data-standing={standing(own)}>
        {own?.on_stage && own.is_live ? <span class="badge badge-live">{t("onAir")}</span> : own && t(own.on_stage ? "onStage" : "waiting")}
        {own?.muted && <strong>{t("muted")}</strong>}
      </p>
      <StageView place={place} studio={studio}>
        <button type="button" class="button danger" onClick={() => void leave()}>
          <HangUpIcon /> {t("leave")}
        </button>
      </StageView>
      {own && <p class="dim">{own.people.length ? t("people", { names: listed(own.people) }) : t("onlyYou")}</p>}
    </div>
  );
}

const standing = (own: OwnPlace | null): string => (!own ? "unknown" : !own.on_stage ? "waiting" : own.is_live ? "on-air" : "on-stage");
