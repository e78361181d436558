/** A community in a list. */
import { hue, initials } from "../../ui/format";
import type { Community } from "./calls";
import { t } from "./words";
import "./communities.css";

const ACCESS = { open: "isOpen", approval: "isApproval", invite: "isInvite" } as const;
const ROLES = { owner: "owner", moderator: "moderator", member: "member" } as const;

export type Shown = Pick<Community, "id" | "name" | "title" | "description" | "access" | "counts" | "viewer">;

export function CommunityMark({ of: one, size = 56 }: { of: Pick<Community, "name" | "title">; size?: number }) {
  return (
    <span class="community-mark" aria-hidden="true" style={{ "--hue": hue(one.name), inlineSize: `${size}px` }}>
      {initials(one.title)}
    </span>
  );
}

export function Facts({ of: one }: { of: Shown }) {
  const role = one.viewer?.role;
  return (
    <span class="dim">
      {t(ACCESS[one.access])} · {t("members", { n: one.counts.members })}
      {role && ` · ${t(ROLES[role])}`}
    </span>
  );
}

export function CommunityCard({ of: one }: { of: Shown }) {
  return (
    <li class="community-card">
      <CommunityMark of={one} />
      <div class="community-text">
        <h2>
          <a href={`/c/${one.name}`} dir="auto">
            {one.title}
          </a>
        </h2>
        <Facts of={one} />
        {one.description && <p dir="auto">{one.description}</p>}
      </div>
    </li>
  );
}
