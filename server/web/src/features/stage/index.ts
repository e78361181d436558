import { page, type Feature } from "../../feature";

/** The page of who was invited; the streamer's side is a part of the studio. */
export const stage: Feature = {
  name: "stage",
  pages: [page("/stage/:token", () => import("./page"))],
};
