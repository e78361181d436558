/** The entries that features add, and the areas: on the left of a wide screen, at the bottom of a phone. */
import { useEffect } from "preact/hooks";
import { isModerator, me } from "../api/session";
import type { NavEntry } from "../feature";
import { features } from "../features";
import { labelled } from "../i18n/language";
import { path } from "../router";
import { GearIcon, MoreIcon, ServerIcon } from "../ui/icons";
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

/** How many entries a phone's bar has room for beside the one that opens the others. */
const IN_BAR = 4;

const Link = (entry: Entry) => (
  <a href={entry.path} aria-current={isHere(entry) ? "page" : undefined}>
    <entry.icon />
    <span>{entry.text}</span>
  </a>
);

export function Navigation() {
  useEffect(() => void askForRooms(), []);
  const all = entries();
  return (
    <nav class="side" aria-label={t("main")}>
      <ul>
        {all.map((entry, place) => (
          <li key={entry.path} class={place < IN_BAR ? undefined : "past-bar"}>
            <Link {...entry} />
          </li>
        ))}
        {all.length > IN_BAR && <Others entries={all.slice(IN_BAR)} />}
      </ul>
    </nav>
  );
}

/** On a phone alone. A move to another page closes it. */
const Others = ({ entries: others }: { entries: Entry[] }) => (
  <li class="bar-more" key={`more ${path.value}`}>
    <button type="button" popovertarget="more-entries" aria-current={others.some(isHere) ? "true" : undefined}>
      <MoreIcon />
      <span>{t("more")}</span>
    </button>
    <div id="more-entries" popover="auto" class="menu">
      {others.map((entry) => (
        <Link key={entry.path} {...entry} />
      ))}
    </div>
  </li>
);
