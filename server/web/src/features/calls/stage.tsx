/** The call itself: everybody's picture, and what one does oneself. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import type { Me } from "../../api/types";
import { connection } from "../../realtime/socket";
import { guardLeaving } from "../../router";
import { duration } from "../../ui/format";
import { CameraIcon, CameraOffIcon, GearIcon, HangUpIcon, MicIcon, MicOffIcon, ScreenIcon, ShareIcon } from "../../ui/icons";
import { Avatar, copyText, PageTitle, useInterval } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { Pickers } from "../studio/preview";
import { whyNoDevice, type Studio } from "../studio/studio";
import type { Call, CallPerson, Shown } from "./call";
import { t } from "./words";

const SPEAKS_FROM = 0.55;
const WARN_S = 300;

interface StageProps {
  call: Call;
  studio: Studio;
  user: Me;
  firstToken: string | null;
}

export function Stage({ call, studio, user, firstToken }: StageProps) {
  const others = call.others.value;
  const [said, setSaid] = useState("");
  useOutput(call, studio);
  useStayHere();
  useEffect(() => {
    call.onCame = (person) => setSaid(t("came", { name: nameOf(person) }));
    call.onWent = (person) => setSaid(t("went", { name: nameOf(person) }));
  }, [call]);
  return (
    <div class="call">
      <PageTitle hidden>{t("title")}</PageTitle>
      <p class="visually-hidden" role="status">
        {said}
      </p>
      <TimeLeft endsAt={call.endsAt} />
      {connection.value !== "online" && (
        <p class="call-note" role="status">
          {t("away")}
        </p>
      )}
      <ul class="call-tiles" data-people={others.length + 1} aria-label={t("people", { n: others.length + 1 })}>
        {others.map((shown) => (
          <OtherTile key={shown.person.id} shown={shown} />
        ))}
        <OwnTile studio={studio} user={user} />
      </ul>
      {others.length === 0 && <p class="call-note">{call.ownerId === user.id ? t("aloneOwner") : t("alone")}</p>}
      <Controls call={call} studio={studio} isOwner={call.ownerId === user.id} firstToken={firstToken} />
    </div>
  );
}

/** What is sent follows what the studio has. */
function useOutput(call: Call, studio: Studio): void {
  const { picture, source, micOn } = studio;
  useEffect(() => {
    const audio = studio.output().getAudioTracks()[0] ?? null;
    call.send({ audio, video: picture.value }, { hasMic: micOn.value, picture: source.value });
  }, [call, picture.value, source.value, micOn.value]);
}

function useStayHere(): void {
  useEffect(() => {
    guardLeaving(() => confirm(t("confirmLeave")));
    return () => guardLeaving(null);
  }, []);
}

function TimeLeft({ endsAt }: { endsAt: number }) {
  const [leftS, setLeft] = useState(Infinity);
  useInterval(() => setLeft(Math.max(0, Math.round((endsAt - Date.now()) / 1000))), 1000);
  return leftS <= WARN_S ? <p class="call-note">{t("endsIn", { time: duration(leftS) })}</p> : null;
}

const nameOf = ({ display_name, username }: CallPerson): string => display_name || username;

function OtherTile({ shown: { person, media, state, connection: link, isSpeaking } }: { shown: Shown }) {
  const name = nameOf(person);
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current && video.current.srcObject !== media) video.current.srcObject = media;
  }, [media]);
  const isConnected = link === "connected";
  return (
    <li class={`call-tile${isSpeaking ? " speaking" : ""}`}>
      <video ref={video} autoplay playsInline aria-label={t("pictureOf", { name })} class={state.picture} data-person={person.username} />
      {(state.picture === "none" || !isConnected) && <Avatar of={{ ...person, avatar_url: null }} size={96} />}
      <TileName name={name} hasMic={state.hasMic} isSpeaking={isSpeaking} note={isConnected ? "" : t(link === "failed" ? "trying" : "connecting")} />
    </li>
  );
}

function OwnTile({ studio, user }: { studio: Studio; user: Me }) {
  const video = useRef<HTMLVideoElement>(null);
  const [isSpeaking, setSpeaking] = useState(false);
  const picture = studio.picture.value;
  useEffect(() => {
    if (video.current) video.current.srcObject = picture ? new MediaStream([picture]) : null;
  }, [picture]);
  useInterval(() => setSpeaking(studio.micOn.peek() && studio.level() > SPEAKS_FROM), 250);
  return (
    <li class={`call-tile own${isSpeaking ? " speaking" : ""}`}>
      <video ref={video} autoplay muted playsInline aria-label={t("yourPicture")} class={studio.source.value === "camera" ? "camera mirrored" : "screen"} />
      {!picture && <Avatar of={user} size={96} />}
      <TileName name={t("you")} hasMic={studio.micOn.value} isSpeaking={isSpeaking} note="" />
    </li>
  );
}

function TileName({ name, hasMic, isSpeaking, note }: { name: string; hasMic: boolean; isSpeaking: boolean; note: string }) {
  return (
    <p class="call-name">
      {!hasMic && (
        <span role="img" aria-label={t("muted")}>
          <MicOffIcon />
        </span>
      )}
      <bdi>{name}</bdi>
      {isSpeaking && <span class="visually-hidden">{t("speaks")}</span>}
      {note && <span class="call-state">{note}</span>}
    </p>
  );
}

function Controls({ call, studio, isOwner, firstToken }: { call: Call; studio: Studio; isOwner: boolean; firstToken: string | null }) {
  const [failure, setFailure] = useState<string | null>(null);
  const [isChoosing, setChoosing] = useState(false);
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
      setFailure(null);
    } catch (error) {
      setFailure(whyNoDevice(error));
    }
  };
  const source = studio.source.value;
  const toggleMic = (): void => void (studio.micOn.value ? studio.turnMicOff() : attempt(() => studio.turnMicOn()));
  const toggle = (wanted: "camera" | "screen", open: () => Promise<void>) => (): void =>
    void (source === wanted ? studio.closePicture() : attempt(open));
  return (
    <div class="call-bar">
      {failure && (
        <p class="form-error" role="alert">
          {failure}
        </p>
      )}
      {isChoosing && (
        <div class="call-devices" id="call-devices">
          <Pickers studio={studio} open={attempt} />
        </div>
      )}
      <div class="call-buttons" role="toolbar" aria-label={t("controls")}>
        <Toggle isOn={studio.micOn.value} label={t("microphone")} onClick={toggleMic}>
          {studio.micOn.value ? <MicIcon /> : <MicOffIcon />}
        </Toggle>
        <Toggle isOn={source === "camera"} label={t("camera")} onClick={toggle("camera", () => studio.openCamera())}>
          {source === "camera" ? <CameraIcon /> : <CameraOffIcon />}
        </Toggle>
        {"getDisplayMedia" in (navigator.mediaDevices ?? {}) && (
          <Toggle isScreen isOn={source === "screen"} label={t("screen")} onClick={toggle("screen", () => studio.openScreen())}>
            <ScreenIcon />
          </Toggle>
        )}
        <button type="button" class="button" aria-expanded={isChoosing} aria-controls="call-devices" onClick={() => setChoosing(!isChoosing)}>
          <GearIcon /> <span class="call-label">{t("devices")}</span>
        </button>
        {isOwner && <Invite call={call} firstToken={firstToken} />}
        <button type="button" class="button call-leave" onClick={() => call.leave()}>
          <HangUpIcon /> <span class="call-label">{t("leave")}</span>
        </button>
      </div>
    </div>
  );
}

interface ToggleProps {
  isScreen?: boolean;
  isOn: boolean;
  label: string;
  onClick: () => void;
  children: ComponentChildren;
}

function Toggle({ isScreen = false, isOn, label, onClick, children }: ToggleProps) {
  return (
    <button type="button" class={`button ${isScreen ? "screen" : "device"}`} aria-pressed={isOn} onClick={onClick}>
      {children} <span class="call-label">{label}</span>
    </button>
  );
}

/** Each link lets one person in. */
function Invite({ call, firstToken }: { call: Call; firstToken: string | null }) {
  const unused = useRef(firstToken);
  const [link, setLink] = useState<string | null>(null);
  const invite = async (): Promise<void> => {
    try {
      const token = unused.current ?? (await call.invite());
      unused.current = null;
      const made = `${location.origin}/calls/${call.id}#${token}`;
      if (await copyText(made)) toast(t("copied"), "good");
      else setLink(made);
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  return (
    <>
      <button type="button" class="button accent" onClick={() => void invite()}>
        <ShareIcon /> <span class="call-label">{t("invite")}</span>
      </button>
      {link && <input class="call-link" readOnly value={link} aria-label={t("invitation")} onFocus={(event) => event.currentTarget.select()} />}
    </>
  );
}
