/** Icons of what one does with posts, as `ui/icons` draws its own. */
import type { ComponentChildren } from "preact";

const Icon = ({ children, solid = false }: { children: ComponentChildren; solid?: boolean }) => (
  <svg
    class="icon"
    viewBox="0 0 24 24"
    aria-hidden="true"
    focusable="false"
    fill={solid ? "currentColor" : "none"}
    stroke="currentColor"
    stroke-width="1.9"
    stroke-linecap="round"
    stroke-linejoin="round"
  >
    {children}
  </svg>
);

export const RepostIcon = () => (
  <Icon>
    <path d="M4 9.5 7.5 6 11 9.5M7.5 6v8a2.5 2.5 0 0 0 2.5 2.5h3M20 14.5 16.5 18 13 14.5M16.5 18v-8A2.5 2.5 0 0 0 14 7.5h-3" />
  </Icon>
);
export const HeartIcon = ({ solid = false }: { solid?: boolean }) => (
  <Icon solid={solid}>
    <path d="M12 20s-7.5-4.6-7.5-10.2A4.3 4.3 0 0 1 12 7.2a4.3 4.3 0 0 1 7.5 2.6C19.5 15.4 12 20 12 20Z" />
  </Icon>
);
export const QuoteIcon = () => (
  <Icon>
    <path d="M10 8.5c-2.6.4-4 2.1-4 4.9V16h4v-4H6M18 8.5c-2.6.4-4 2.1-4 4.9V16h4v-4h-4" />
  </Icon>
);
export const BookmarkIcon = ({ solid = false }: { solid?: boolean }) => (
  <Icon solid={solid}>
    <path d="M6.5 4h11v16L12 15.8 6.5 20V4Z" />
  </Icon>
);
export const MoreIcon = () => (
  <Icon solid>
    <circle cx="5" cy="12" r="1" />
    <circle cx="12" cy="12" r="1" />
    <circle cx="19" cy="12" r="1" />
  </Icon>
);
