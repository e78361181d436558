import { page, type Feature } from "../../feature";
import { PinIcon } from "../../ui/icons";

/** What people offer near a place. */
export const local: Feature = {
  name: "local",
  pages: [page("/local", () => import("./list")), page("/local/new", () => import("./new")), page("/local/:offerId", () => import("./offer"))],
  nav: [{ path: "/local", label: { en: "Near you", ar: "بالقرب منك" }, icon: PinIcon, room: "local" }],
};
