import { page, type Feature } from "../../feature";
import { HelpIcon } from "../../ui/icons";

/** Articles that are searched, and tickets. */
export const help: Feature = {
  name: "help",
  pages: [
    page("/help", () => import("./list")),
    page("/help/tickets", () => import("./tickets")),
    page("/help/tickets/:ticketId", () => import("./ticket")),
    page("/help/macros", () => import("./macro-page")),
    page("/help/:slug", () => import("./article")),
  ],
  nav: [{ path: "/help", label: { en: "Help", ar: "المساعدة" }, icon: HelpIcon, room: "help" }],
};
