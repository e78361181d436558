import type { Feature } from "../../feature";

export const appearance: Feature = {
  name: "appearance",
  settings: [
    { name: "appearance", label: { en: "Appearance", ar: "المظهر" }, load: () => import("./settings"), isForGuests: true },
  ],
};
