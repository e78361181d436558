import { page, type Feature } from "../../feature";

/** Advertising: the advertisers' desk, what moderators decide on, and what viewers and creators choose. */
export const ads: Feature = {
  name: "ads",
  pages: [page("/ads", () => import("./desk")), page("/ads/:campaignId", () => import("./campaign"))],
  settings: [{ name: "ads", label: { en: "Advertising", ar: "الإعلانات" }, load: () => import("./settings"), room: "ads" }],
  admin: [{ name: "ads", label: { en: "Advertisements", ar: "الإعلانات" }, isForModerators: true, load: () => import("./judge"), room: "ads" }],
};
