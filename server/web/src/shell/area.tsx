/** An area of the client: a frame around the sections that features add to it. */
import type { ComponentChildren } from "preact";
import type { Section } from "../feature";
import { labelled } from "../i18n/language";
import type { Path } from "../routes";
import { Missing } from "../ui/missing";
import { PageTitle, useTitle } from "../ui/parts";
import { Lazy } from "./lazy";

/** The properties of an area's page, with and without a section in its path. */
export interface AreaPage {
  section?: string;
  children?: ComponentChildren;
}

interface AreaProps {
  base: Path;
  title: string;
  sections: readonly Section[];
  /** The name of the section that is shown; without one it is the first. */
  section: string | undefined;
}

/** On a phone the sections are one row that is wider than the screen. */
const comeIntoView = (link: HTMLElement | null): void => link?.scrollIntoView({ inline: "center", block: "nearest" });

export function Area({ base, title, sections, section }: AreaProps) {
  const shown = section === undefined ? sections[0] : sections.find(({ name }) => name === section);
  useTitle(shown ? labelled(shown.label) : title);
  if (!shown) return <Missing />;
  return (
    <div class={`page area area-${shown.name}`}>
      {sections.length > 1 && (
        <nav class="area-nav" aria-label={title}>
          {sections.map(({ name, label }) => (
            <a
              key={name}
              ref={name === shown.name ? comeIntoView : null}
              href={`${base}/${name}`}
              aria-current={name === shown.name ? "page" : undefined}
            >
              {labelled(label)}
            </a>
          ))}
        </nav>
      )}
      <div class="area-body">
        <PageTitle>{labelled(shown.label)}</PageTitle>
        <Lazy key={shown.name} load={shown.load} />
      </div>
    </div>
  );
}
