/** The settings of what is held on a person: archives of it, and how far one is. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { ago, bytes, percent, when } from "../../ui/format";
import { Spinner, useInterval } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { proved, Reauthentication } from "../factors/reauthentication";
import { askArchive, deleteArchive, linkArchive, listArchives, type Archive } from "./calls";
import { t } from "./words";
import "./exports.css";

const LOOK_MS = 2_000;

const isOpen = ({ state }: Archive): boolean => state === "waiting" || state === "writing";

export default function DataSettings() {
  const [archives, setArchives] = useState<Archive[] | null>(null);
  const load = async (): Promise<void> => setArchives((await listArchives()).items);
  const quietly = (): void => void load().catch(() => undefined);
  useEffect(() => void load().catch((error: unknown) => toast(sentence(error), "bad")), []);
  const isBusy = archives?.some(isOpen) ?? false;
  useInterval(quietly, LOOK_MS, isBusy);
  const make = (): Promise<void> => attempt(() => proved(askArchive).then(load), t("asked"));
  return (
    <section class="panel" aria-labelledby="archives">
      <h2 id="archives">{t("archives")}</h2>
      <p>{t("text")}</p>
      <p class="dim">{t("once")}</p>
      <div class="row">
        <button type="button" class="button accent" disabled={!archives || isBusy} onClick={() => void make()}>
          {t("make")}
        </button>
      </div>
      {!archives && <Spinner />}
      {archives && archives.length > 0 && (
        <ul class="exports-list">
          {archives.map((one) => (
            <li key={one.id}>
              <ArchiveRow archive={one} onChange={load} />
            </li>
          ))}
        </ul>
      )}
      <Reauthentication />
    </section>
  );
}

const STATES = { waiting: "waiting", failed: "failed", expired: "expired" } as const satisfies Partial<Record<Archive["state"], string>>;

function stateOf(archive: Archive): string {
  if (archive.state === "writing") return t("writing", { share: percent(archive.progress) });
  if (archive.state !== "ready") return t(STATES[archive.state]);
  return t("ready", { size: bytes(archive.size_bytes ?? 0), date: when(archive.expires_at ?? archive.requested_at) });
}

function ArchiveRow({ archive, onChange }: { archive: Archive; onChange: () => Promise<void> }) {
  const date = when(archive.requested_at);
  const download = (): Promise<void> => attempt(async () => location.assign((await proved(() => linkArchive(archive.id))).url));
  const remove = (): Promise<void> => attempt(() => deleteArchive(archive.id).then(onChange), t("deleted"));
  const isWaiting = isOpen(archive);
  return (
    <>
      <div class="exports-what">
        <strong role={isWaiting ? "status" : undefined}>{stateOf(archive)}</strong>
        {isWaiting && <progress max={1} value={archive.progress} aria-label={t("progress")} />}
        <p class="dim" title={date}>
          {t("requested", { ago: ago(archive.requested_at) })}
        </p>
      </div>
      <div class="row">
        {archive.state === "ready" && (
          <button type="button" class="button accent" aria-label={t("downloadOf", { date })} onClick={() => void download()}>
            {t("download")}
          </button>
        )}
        {(isWaiting || archive.state === "ready") && (
          <button type="button" class="button danger" aria-label={t(isWaiting ? "cancelOf" : "deleteOf", { date })} onClick={() => void remove()}>
            {t(isWaiting ? "cancel" : "delete")}
          </button>
        )}
      </div>
    </>
  );
}
