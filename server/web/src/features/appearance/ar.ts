import type { Arabic } from "../../i18n/catalogue";
import type en from "./en";

export default {
  language: "اللغة",
  colours: "الألوان",
  system: "حسب إعدادات الجهاز",
  light: "فاتح",
  dark: "داكن",
} satisfies Arabic<typeof en>;
