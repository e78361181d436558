/** A box for wide tables, which the keyboard can reach and move. */
import type { ComponentChildren } from "preact";

export function Scroll({ label, isTall = false, children }: { label: string; isTall?: boolean; children: ComponentChildren }) {
  return (
    <div class={`admin-scroll${isTall ? " admin-tall" : ""}`} role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
