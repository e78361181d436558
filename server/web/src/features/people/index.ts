import { page, type Feature } from "../../feature";

export const people: Feature = {
  name: "people",
  pages: [
    page("/login", () => import("./login")),
    page("/register", () => import("./register")),
    page("/@:username", () => import("./profile")),
  ],
  settings: [
    { name: "profile", label: { en: "Profile", ar: "الملف الشخصي" }, load: () => import("./profile-settings") },
    { name: "privacy", label: { en: "Privacy", ar: "الخصوصية" }, load: () => import("./privacy-settings") },
    {
      name: "hidden-words",
      label: { en: "Hidden words", ar: "الكلمات المخفية" },
      load: () => import("./hidden-words-settings"),
    },
    { name: "device", label: { en: "This device", ar: "هذا الجهاز" }, load: () => import("./device-settings") },
  ],
};
