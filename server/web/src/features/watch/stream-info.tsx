/** What is known of a stream, under its player: title, who, how many, and what one can do. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import type { Stream } from "../../api/types";
import { ago, count, duration, when } from "../../ui/format";
import { EyeIcon, ShareIcon } from "../../ui/icons";
import { Avatar, copyText, PageTitle, StateBadge, useInterval } from "../../ui/parts";
import { shareLink } from "../../ui/share";
import { toast } from "../../ui/toasts";
import { ReportButton } from "../safety/button";
import { snippetOf } from "./snippet";
import { Follow } from "../people/follow";
import { editStream, endStream } from "../streams/calls";
import { StreamForm, type StreamDetails } from "../streams/stream-form";
import { Remind } from "./remind";
import { t } from "./words";

interface Props {
  stream: Stream;
  viewers: number;
  onChange: (stream: Stream) => void;
  /** What else can be done with it. */
  actions?: ComponentChildren;
}

export function StreamInfo({ stream, viewers, onChange, actions }: Props) {
  const mine = me.value?.id === stream.owner.id;
  const [editing, setEditing] = useState(false);
  const name = stream.owner.display_name || stream.owner.username;
  return (
    <div class="info">
      <div class="info-head">
        <a class="info-owner" href={`/@${stream.owner.username}`} aria-label={t("profileOf", { name })}>
          <Avatar of={stream.owner} size={44} />
        </a>
        <div class="info-title">
          <PageTitle>{stream.title}</PageTitle>
          <p class="info-meta">
            <a href={`/@${stream.owner.username}`}>{name}</a>
            <StateBadge state={stream.state} />
            <Numbers stream={stream} viewers={viewers} />
          </p>
        </div>
        <div class="info-actions">
          {mine ? <OwnerActions stream={stream} onEdit={() => setEditing(true)} /> : <Follow username={stream.owner.username} />}
          {!mine && stream.state === "scheduled" && stream.scheduled_at && <Remind stream={stream} />}
          {actions}
          <Share stream={stream} />
        </div>
      </div>
      {(stream.description || stream.tags.length > 0 || stream.category) && (
        <details class="about" open={matchMedia("(min-width: 62rem)").matches}>
          <summary>{t("about")}</summary>
          {stream.description && <p class="prose">{stream.description}</p>}
          <p class="tags">
            {stream.category && <span class="tag tag-strong">{stream.category}</span>}
            {stream.tags.map((tag) => (
              <span key={tag} class="tag">
                #{tag}
              </span>
            ))}
          </p>
        </details>
      )}
      {editing && (
        <EditDialog
          stream={stream}
          onClose={() => setEditing(false)}
          onSaved={(changed) => {
            setEditing(false);
            onChange(changed);
          }}
        />
      )}
    </div>
  );
}

function Numbers({ stream, viewers }: { stream: Stream; viewers: number }) {
  const [, redraw] = useState(0);
  useInterval(() => redraw((n) => n + 1), 1000, stream.state === "live");
  if (stream.state === "scheduled") return <span>{stream.scheduled_at ? when(stream.scheduled_at) : t("gettingReady")}</span>;
  if (stream.state === "ended") {
    return (
      <span>
        {stream.ended_at ? ago(stream.ended_at) : ""} · {t("atPeak", { n: stream.peak_viewers })}
      </span>
    );
  }
  return (
    <>
      <span class="info-viewers" title={t("watchingAndPeak", { watching: viewers, peak: stream.peak_viewers })}>
        <EyeIcon /> <b>{count(viewers)}</b> <span class="hide-narrow">{t("watching")}</span>
      </span>
      {stream.started_at && (
        <time class="tabular" dateTime={stream.started_at}>
          {duration((Date.now() - Date.parse(stream.started_at)) / 1000)}
        </time>
      )}
    </>
  );
}

function Share({ stream }: { stream: Stream }) {
  return (
    <>
      {["public", "unlisted"].includes(stream.visibility) && <Embed stream={stream} />}
      {me.value?.id !== stream.owner.id && <ReportButton kind="stream" id={stream.id} />}
      <button type="button" class="button" aria-label={t("share")} onClick={() => void shareLink(stream.title, `/watch/${stream.id}`)}>
        <ShareIcon /> <span class="hide-narrow">{t("share")}</span>
      </button>
    </>
  );
}

function Embed({ stream }: { stream: Stream }) {
  const copy = async (): Promise<void> => {
    const copied = await copyText(snippetOf(`${location.origin}/embed/${stream.id}`, stream.title));
    toast(t(copied ? "embedCopied" : "embedRefused"), copied ? "good" : "bad");
  };
  return (
    <button type="button" class="button hide-narrow" onClick={() => void copy()}>
      {t("embed")}
    </button>
  );
}

function OwnerActions({ stream, onEdit }: { stream: Stream; onEdit: () => void }) {
  const [ending, setEnding] = useState(false);
  const end = async (): Promise<void> => {
    if (!confirm(t("confirmEnd"))) return;
    setEnding(true);
    try {
      await endStream(stream.id);
    } catch (error) {
      toast(sentence(error), "bad");
    } finally {
      setEnding(false);
    }
  };
  return (
    <>
      <button type="button" class="button" onClick={onEdit}>
        {t("edit")}
      </button>
      {stream.state !== "ended" && (
        <button type="button" class="button danger" disabled={ending} onClick={() => void end()}>
          {t("end")}
        </button>
      )}
    </>
  );
}

interface EditProps {
  stream: Stream;
  onClose: () => void;
  onSaved: (stream: Stream) => void;
}

function EditDialog({ stream, onClose, onSaved }: EditProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const save = async (details: StreamDetails): Promise<void> => onSaved(await editStream(stream.id, details));
  return (
    <dialog class="dialog" ref={dialog} onClose={onClose} aria-labelledby="edit-title">
      <h2 id="edit-title">{t("editTitle")}</h2>
      <StreamForm
        initial={stream}
        action={t("save")}
        onSubmit={save}
        extra={
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {t("cancel")}
          </button>
        }
      />
    </dialog>
  );
}
