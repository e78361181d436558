/** The person's own addresses and key, for OBS and every other encoder. */
import { useEffect, useState } from "preact/hooks";
import { myIngest, rotateIngest } from "../api/calls";
import { sentence } from "../api/http";
import type { Ingest } from "../api/types";
import { EyeIcon, EyeOffIcon, RefreshIcon } from "../ui/icons";
import { CopyButton, masked, Spinner } from "../ui/parts";
import { toast } from "../ui/toasts";

interface RowProps {
  label: string;
  value: string;
  secret?: boolean;
}

function KeyRow({ label, value, secret = false }: RowProps) {
  const [shown, setShown] = useState(!secret);
  const id = `ingest-${label.toLowerCase().replace(/\W+/g, "-")}`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <span class="with-button">
        <input id={id} class="mono" readOnly value={value} {...masked(!shown)} autocomplete="off" spellcheck={false} />
        {secret && (
          <button
            type="button"
            class="icon-button"
            aria-label={shown ? "Hide the key" : "Show the key"}
            aria-pressed={shown}
            onClick={() => setShown(!shown)}
          >
            {shown ? <EyeOffIcon /> : <EyeIcon />}
          </button>
        )}
        <CopyButton text={value} label={`Copy: ${label}`} />
      </span>
    </div>
  );
}

export function IngestPanel() {
  const [ingest, setIngest] = useState<Ingest | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    myIngest().then(setIngest, (error) => setFailure(sentence(error)));
  }, []);

  const rotate = async (): Promise<void> => {
    if (!confirm("Make a new key? The old one stops working at once, and OBS needs the new one.")) return;
    try {
      setIngest(await rotateIngest());
      toast("Your new key is ready.", "good");
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };

  if (failure) return <p class="form-error">{failure}</p>;
  if (!ingest) return <Spinner />;
  return (
    <section class="panel" aria-labelledby="ingest-title">
      <h2 id="ingest-title">Your encoder's settings</h2>
      <p class="dim">They stay the same for every broadcast. Whoever has the key can go live as you.</p>
      <KeyRow label="Server (RTMP)" value={ingest.rtmp_url} />
      <KeyRow label="Stream key" value={ingest.stream_key} secret />
      <KeyRow label="WHIP address" value={ingest.whip_url} />
      <button type="button" class="button" onClick={() => void rotate()}>
        <RefreshIcon /> New key
      </button>
      <details class="howto" open>
        <summary>OBS in four steps</summary>
        <ol class="steps">
          <li>
            <b>Settings → Stream:</b> choose “Custom…” and paste the server and the key.
          </li>
          <li>
            <b>Settings → Output → Advanced:</b> keyframe interval 2 s, and for the lowest delay “bframes=0” or tune “zerolatency”.
          </li>
          <li>
            <b>Apply,</b> then press “Start Streaming”.
          </li>
          <li>
            <b>This page notices</b> and shows your signal. It ends half a minute after OBS stops.
          </li>
        </ol>
        <p class="dim">For WHIP choose the service “WHIP”, paste its address, and the stream key as bearer token.</p>
      </details>
    </section>
  );
}
