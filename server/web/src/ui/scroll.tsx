/** A box for wide tables, which the keyboard can reach and move. */
import type { ComponentChildren } from "preact";
import "./scroll.css";

export function Scroll({ label, isTall = false, children }: { label: string; isTall?: boolean; children: ComponentChildren }) {
  return (
    <div class={`scroll${isTall ? " scroll-tall" : ""}`} role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
