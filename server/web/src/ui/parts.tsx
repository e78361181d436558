/** Small pieces that many pages use. */
import type { ComponentChildren, CSSProperties, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Owner, StreamState } from "../api/types";
import { hue, initials, sized } from "./format";
import { CheckIcon, CopyIcon } from "./icons";
import { toast } from "./toasts";
import { t } from "./words";

const AVATAR_WIDTHS = [64, 128, 256, 512];

/** The picture, or the initials where there is none or it cannot be loaded. */
export function Avatar({ of, size = 36 }: { of: Pick<Owner, "username" | "display_name" | "avatar_url">; size?: number }) {
  const style = { "--size": `${size}px`, "--h": hue(of.username) } as CSSProperties;
  const [failed, setFailed] = useState<string | null>(null);
  const url = of.avatar_url;
  if (url && url !== failed) {
    const widths = AVATAR_WIDTHS.map((width) => `${sized(url, width)} ${width}w`).join(", ");
    return (
      <img
        key={url}
        class="avatar"
        src={url}
        srcset={widths}
        sizes={`${size}px`}
        alt=""
        style={style}
        width={size}
        height={size}
        decoding="async"
        onError={() => setFailed(url)}
      />
    );
  }
  // Drawn by the style sheet: letters inside of a link would be taken for a part of its name.
  return (
    <span class="avatar" style={style} data-initials={initials(of.display_name || of.username)} aria-hidden="true" />
  );
}

const STATES = { live: "live", interrupted: "paused", scheduled: "soon", ended: "recording" } as const satisfies Record<StreamState, string>;

export function StateBadge({ state }: { state: StreamState }) {
  return <span class={`badge badge-${state}`}>{t(STATES[state])}</span>;
}

export function Spinner({ label = t("loading") }: { label?: string }) {
  return (
    <span class="spinner" role="status">
      <span class="visually-hidden">{label}</span>
    </span>
  );
}

/** In place of a page that is not there yet. */
export function Loading() {
  return (
    <div class="page centred">
      <Spinner />
    </div>
  );
}

interface EmptyProps {
  title: string;
  children?: ComponentChildren;
  art?: ComponentChildren;
}

export function Empty({ title, children, art }: EmptyProps) {
  return (
    <div class="empty">
      {art && <div class="empty-art">{art}</div>}
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Copy by the clipboard API where the origin is secure, else through a selection. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    const done = await copyText(text);
    if (!done) return toast(t("copyRefused"), "bad");
    setCopied(true);
    setTimeout(() => setCopied(false), 1600);
  };
  return (
    <button type="button" class="icon-button" aria-label={copied ? t("copied") : label} title={label} onClick={copy}>
      {copied ? <CheckIcon /> : <CopyIcon />}
    </button>
  );
}

/** The page's heading, which takes the focus when the page is opened by a link inside the client. */
export function PageTitle({ children, hidden = false }: { children: ComponentChildren; hidden?: boolean }) {
  return (
    <h1 tabIndex={-1} data-page-title class={hidden ? "visually-hidden" : undefined}>
      {children}
    </h1>
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · Social Flow` : "Social Flow";
  }, [title]);
}

/** Calls `tick` every `ms` while the page is visible. */
export function useInterval(tick: () => void, ms: number, active = true, whileHidden = false): void {
  const latest = useRef(tick);
  latest.current = tick;
  useEffect(() => {
    if (!active) return;
    const timer = setInterval(() => (document.hidden && !whileHidden) || latest.current(), ms);
    // What was left out while the page was hidden is made up for as soon as it is looked at.
    const seen = (): void => void (document.hidden || latest.current());
    document.addEventListener("visibilitychange", seen);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [ms, active, whileHidden]);
}

/** The type of an input whose text can be hidden. */
export const masked = (hidden: boolean): { type: "password" } | { type: "text" } => (hidden ? { type: "password" } : { type: "text" });

export interface FieldProps {
  label: string;
  name: string;
  error?: string | undefined;
  hint?: ComponentChildren;
  children: (ids: { id: string; "aria-describedby": string | undefined; "aria-invalid": boolean }) => JSX.Element;
}

/** A labelled control with its hint and its error tied to it. */
export function Field({ label, name, error, hint, children }: FieldProps) {
  const id = `field-${name}-${useId()}`;
  const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  return (
    <div class={`field${error ? " field-bad" : ""}`}>
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": Boolean(error) })}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

/** One of several facts on a line, with the dot before the next. */
export function Fact({ text }: { text: string }) {
  return (
    <>
      <bdi>{text}</bdi>
      {" · "}
    </>
  );
}
