import { page, type Feature } from "../../feature";
import { HomeIcon } from "../../ui/icons";

export const home: Feature = {
  name: "home",
  pages: [page("/", () => import("./page"))],
  nav: [{ path: "/", label: { en: "Home", ar: "الرئيسية" }, icon: HomeIcon }],
};
