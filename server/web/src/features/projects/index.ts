import { page, type Feature } from "../../feature";
import { PeopleIcon } from "../../ui/icons";

const load = () => import("./page");

export const projects: Feature = {
  name: "projects",
  pages: [
    page("/projects", () => import("./list")),
    page("/projects/:projectId", load),
    page("/projects/:projectId/:tab", load),
    page("/documents/:documentId", () => import("./document")),
  ],
  nav: [{ path: "/projects", label: { en: "Projects", ar: "المشاريع" }, icon: PeopleIcon, room: "projects" }],
};
