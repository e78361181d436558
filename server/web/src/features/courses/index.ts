import { page, type Feature } from "../../feature";
import { ScreenIcon } from "../../ui/icons";

export const courses: Feature = {
  name: "courses",
  pages: [
    page("/courses", () => import("./list")),
    page("/courses/:courseId", () => import("./page")),
    page("/lessons/:lessonId", () => import("./lesson")),
    page("/lessons/:lessonId/session", () => import("./session")),
    page("/cohorts/:cohortId", () => import("./cohort")),
    page("/certificates/:code", () => import("./certificate")),
  ],
  nav: [{ path: "/courses", label: { en: "Courses", ar: "الدورات" }, icon: ScreenIcon, room: "courses" }],
};
