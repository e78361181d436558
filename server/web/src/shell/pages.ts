/** All pages of the client: those of the features, and the two areas that are made of features' sections. */
import { page, type Load, type Page, type Section } from "../feature";
import { features } from "../features";

export interface ShownPage extends Page {
  /** The feature's name, or the area's. */
  readonly feature: string;
}

const loadSettings = () => import("./settings");
const loadAdmin = () => import("./admin");

const areas: ShownPage[] = [
  { feature: "settings", ...page("/settings", loadSettings) },
  { feature: "settings", ...page("/settings/:section", loadSettings) },
  { feature: "admin", ...page("/admin", loadAdmin) },
  { feature: "admin", ...page("/admin/:section", loadAdmin) },
];

export const pages: readonly ShownPage[] = [
  ...features.flatMap(({ name, pages: own = [] }) => own.map((one) => ({ feature: name, ...one }))),
  ...areas,
];

/** For the header. */
export const tools: readonly Load[] = features.flatMap((feature) => feature.tools ?? []);

export const settingsSections: readonly Section[] = features.flatMap((feature) => feature.settings ?? []);
export const adminSections: readonly Section[] = features.flatMap((feature) => feature.admin ?? []);
