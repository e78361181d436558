/** j and k move through the items of a list; l and r press what an item has for that. */
const ACTS: Readonly<Record<string, string>> = { l: "like", r: "reply" };

const isWriting = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

export function moveBy(event: KeyboardEvent, list: HTMLElement | null): void {
  if (!list || isWriting(event.target) || event.metaKey || event.ctrlKey || event.altKey) return;
  const items = [...list.querySelectorAll<HTMLElement>("article")];
  const here = items.findIndex((one) => one.contains(document.activeElement));
  const step = { j: 1, k: -1 }[event.key];
  if (step !== undefined) {
    const next = items[Math.max(0, Math.min(items.length - 1, here < 0 ? 0 : here + step))];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
    event.preventDefault();
  }
  const act = ACTS[event.key];
  if (act && here >= 0) items[here]?.querySelector<HTMLElement>(`[data-act="${act}"]`)?.click();
}
