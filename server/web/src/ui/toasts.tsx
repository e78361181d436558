import { signal } from "@preact/signals";
import { CloseIcon } from "./icons";
import { t } from "./words";

type Tone = "info" | "good" | "bad";

interface Toast {
  id: number;
  text: string;
  tone: Tone;
}

const MAX_SHOWN = 3;
const LASTS_MS = { info: 5000, good: 4000, bad: 8000 };

const toasts = signal<Toast[]>([]);
let lastId = 0;

export function toast(text: string, tone: Tone = "info"): void {
  const id = ++lastId;
  const others = toasts.peek().filter((shown) => shown.text !== text);
  toasts.value = [...others.slice(1 - MAX_SHOWN), { id, text, tone }];
  setTimeout(() => dismiss(id), LASTS_MS[tone]);
}

function dismiss(id: number): void {
  toasts.value = toasts.peek().filter((shown) => shown.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, tone }) => (
        <div key={id} class={`toast toast-${tone}`}>
          <span>{text}</span>
          <button type="button" class="icon-button small" aria-label={t("dismiss")} onClick={() => dismiss(id)}>
            <CloseIcon />
          </button>
        </div>
      ))}
    </div>
  );
}
