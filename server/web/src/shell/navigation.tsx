/** The entries that features add, and the areas: on the left of a wide screen, at the bottom of a phone. */
import { useEffect } from "preact/hooks";
import { isModerator, me } from "../api/session";
import type { NavEntry } from "../feature";
import { features } from "../features";
import { labelled } from "../i18n/language";
import { path } from "../router";
import { GearIcon, ServerIcon } from "../ui/icons";
import { settingsSections } from "./pages";
import { askForRooms, isThere } from "../api/rooms";
import { t } from "./words";

interface Entry extends Omit<NavEntry, "label"> {
  text: string;
}

function entries(): Entry[] {
  const user = me.value;
  const streams = (user?.counts.streams ?? 0) > 0;
  const shown = features.flatMap(({ nav = [] }) => nav).filter(isThere).filter(({ isForStreamers }) => streams || !isForStreamers);
  const own = shown.map(({ label, ...rest }) => ({ ...rest, text: labelled(label) }));
  const guests = settingsSections.find((section) => section.isForGuests);
  if (user || guests) own.push({ path: user ? "/settings" : `/settings/${guests?.name}`, icon: GearIcon, text: t("settings") });
  if (user?.roles?.includes("admin")) own.push({ path: "/admin", icon: ServerIcon, text: t("administration") });
  if (isModerator(user)) own.push({ path: "/admin/cases", icon: ServerIcon, text: t("moderation") });
  return own;
}

/** An area's entry stands for all of its sections. */
const isHere = ({ path: to }: Entry): boolean => path.value === to || (to.length > 1 && path.value.startsWith(`${to}/`));

export function Navigation() {
  useEffect(() => void askForRooms(), []);
  return (
    <nav class="side" aria-label={t("main")}>
      <ul>
        {entries().map((entry) => (
          <li key={entry.path}>
            <a href={entry.path} aria-current={isHere(entry) ? "page" : undefined}>
              <entry.icon />
              <span>{entry.text}</span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
