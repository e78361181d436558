/** What a feature adds to the page: a value, listed in `features/index.ts`. Its code is fetched when it is first shown. */
import type { FunctionComponent } from "preact";
import type { Label } from "./i18n/language";
import type { ParametersOf, Path } from "./routes";

/** Fetches a component; the same function always answers the same one. */
export type Load<P = object> = () => Promise<{ default: FunctionComponent<P> }>;

/** A page of its own. A `:name` in the path is a property of its component. */
export interface Page {
  readonly path: Path;
  readonly load: Load<never>;
  /** Nothing around it: a page that others show in a frame. */
  readonly isBare?: boolean;
}

export const page = <P extends Path>(path: P, load: Load<ParametersOf<P>>): Page => ({ path, load });

/** An entry of the navigation: on the left of a wide screen, at the bottom of a phone. */
export interface NavEntry {
  readonly path: Path;
  readonly label: Label;
  readonly icon: FunctionComponent;
  /** Shown to those alone who have streamed. */
  readonly isForStreamers?: boolean;
  /** Shown where the operator has not switched this room off. */
  readonly room?: string;
}

/** A page below `/settings` or `/admin`, whose frame and navigation the shell draws. */
export interface Section {
  /** What follows `/settings/` or `/admin/`. */
  readonly name: string;
  readonly label: Label;
  readonly load: Load;
  /** In the settings: shown without signing in. */
  readonly isForGuests?: boolean;
  /** In the administration: moderators see it too. */
  readonly isForModerators?: boolean;
  /** As in the navigation. */
  readonly room?: string;
}

export interface Feature {
  readonly name: string;
  readonly pages?: readonly Page[];
  readonly nav?: readonly NavEntry[];
  readonly settings?: readonly Section[];
  readonly admin?: readonly Section[];
  /** What stands in the header for who is signed in. */
  readonly tools?: readonly Load[];
}
