import { page, type Feature } from "../../feature";
import { PeopleIcon } from "../../ui/icons";

const load = () => import("./page");

export const communities: Feature = {
  name: "communities",
  pages: [
    page("/communities", () => import("./list")),
    page("/c/:name", load),
    page("/c/:name/:tab", load),
    page("/c/:name/events/:eventId", () => import("./event-page")),
  ],
  nav: [{ path: "/communities", label: { en: "Communities", ar: "المجتمعات" }, icon: PeopleIcon }],
};
