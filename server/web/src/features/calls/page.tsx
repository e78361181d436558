/** Calls: what one sees and sets before, the call itself, and how it ended. Without an id it is a new one. */
import { signal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import type { Me } from "../../api/types";
import { ask, connect, connection } from "../../realtime/socket";
import { CallIcon } from "../../ui/icons";
import { Empty, PageTitle, useTitle } from "../../ui/parts";
import { Preview } from "../studio/preview";
import { Studio } from "../studio/studio";
import "../studio/studio.css";
import { Call, type Ending } from "./call";
import "./calls.css";
import { Stage } from "./stage";
import { t } from "./words";

const TOKEN = /^#[\w-]{1,64}$/;

/** The invitations that this page was opened with, by call: signing in on the way must not lose them. */
const tokens = new Map<string, string>();

/** `onBegun` is told of the new call before anybody else is. */
type Begun = ((callId: string) => Promise<unknown>) | undefined;

export default function CallsPage({ callId, onBegun }: { callId: string; onBegun?: Begun }) {
  useTitle(t("title"));
  if (callId && TOKEN.test(location.hash)) tokens.set(callId, location.hash.slice(1));
  const user = me.value;
  if (!user) return <SignInFirst />;
  return <OneCall key={`${user.id} ${callId}`} user={user} callId={callId} onBegun={onBegun} />;
}

function SignInFirst() {
  const next = `/login?next=${encodeURIComponent(location.pathname)}`;
  return (
    <div class="page centred">
      <PageTitle hidden>{t("title")}</PageTitle>
      <Empty title={t("signInFirst")}>
        <p>{t("signInFirstText")}</p>
        <a class="button accent large" href={next}>
          {t("signIn")}
        </a>
      </Empty>
    </div>
  );
}

function OneCall({ user, callId, onBegun }: { user: Me; callId: string; onBegun: Begun }) {
  const studio = useMemo(() => new Studio(), []);
  const current = useMemo(() => signal<Call | null>(null), []);
  const [first, setFirst] = useState<string | null>(null);
  const call = current.value;

  useEffect(() => {
    connect();
    return () => {
      current.peek()?.leave();
      studio.close();
    };
  }, []);

  const join = async (): Promise<void> => {
    const output = studio.output();
    const outgoing = { audio: output.getAudioTracks()[0] ?? null, video: studio.picture.peek() };
    if (!callId) {
      const created = await ask("call:create", {});
      await onBegun?.(created.call_id);
      setFirst(created.join_token);
      current.value = new Call(user.id, created, outgoing);
      // Whoever reloads the page returns to this call, and not to a new one.
      history.replaceState(null, "", `/calls/${created.call_id}`);
      return;
    }
    const token = tokens.get(callId);
    current.value = new Call(user.id, await joined(callId, token), outgoing);
    tokens.delete(callId);
    history.replaceState(null, "", `/calls/${callId}`);
  };

  if (call?.ending.value) return <Ended reason={call.ending.value} callId={call.id} />;
  if (call) return <Stage call={call} studio={studio} user={user} firstToken={first} />;
  return <Lobby studio={studio} isNew={!callId} join={join} />;
}

/** By the invitation; who has been in the call before needs none. */
async function joined(callId: string, token: string | undefined) {
  if (!token) return ask("call:join", { call_id: callId });
  try {
    return await ask("call:join", { join_token: token });
  } catch (error) {
    return ask("call:join", { call_id: callId }).catch(() => {
      throw error;
    });
  }
}

function Lobby({ studio, isNew, join }: { studio: Studio; isNew: boolean; join: () => Promise<void> }) {
  const [failure, setFailure] = useState<string | null>(null);
  const [isJoining, setJoining] = useState(false);
  const enter = async (): Promise<void> => {
    setJoining(true);
    try {
      await join();
    } catch (error) {
      setFailure(sentence(error));
      setJoining(false);
    }
  };
  return (
    <div class="page narrow call-lobby">
      <PageTitle>{isNew ? t("newCall") : t("joinCall")}</PageTitle>
      <p class="muted">{isNew ? t("newCallText") : t("joinCallText")}</p>
      <Preview studio={studio} />
      {failure && (
        <p class="form-error" role="alert">
          {failure}
        </p>
      )}
      <button type="button" class="button accent large" disabled={isJoining || connection.value !== "online"} onClick={() => void enter()}>
        <CallIcon /> {isNew ? t("start") : t("join")}
      </button>
      {!studio.picture.value && !studio.micOn.value && <p class="note">{t("onlyListening")}</p>}
    </div>
  );
}

const ENDINGS = { time: "endedTime", empty: "endedEmpty", elsewhere: "endedElsewhere", lost: "endedEmpty", left: "endedLeft", refused: "endedRefused" } as const satisfies Record<Ending, string>;

function Ended({ reason, callId }: { reason: Ending; callId: string }) {
  const mayReturn = reason === "left" || reason === "elsewhere";
  return (
    <div class="page centred">
      <Empty title={t("over")}>
        <p role="status">{t(ENDINGS[reason])}</p>
        <div class="row">
          {mayReturn && (
            <button type="button" class="button accent" onClick={() => location.assign(`/calls/${callId}`)}>
              {t("return")}
            </button>
          )}
          <a class="button" href="/">
            {t("home")}
          </a>
        </div>
      </Empty>
    </div>
  );
}
