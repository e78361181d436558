import type { Arabic } from "../i18n/catalogue";
import type en from "./en";

export default {
  notConnected: "أنت غير متصل الآن.",
  noAnswer: "لم يُجب الخادم في الوقت المناسب.",
} satisfies Arabic<typeof en>;
