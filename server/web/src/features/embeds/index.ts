import { page, type Feature } from "../../feature";

/** The player alone, for other people's pages. */
export const embeds: Feature = {
  name: "embeds",
  pages: [{ ...page("/embed/:id", () => import("./page")), isBare: true }],
};
