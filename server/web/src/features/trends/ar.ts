import type { Arabic } from "../../i18n/catalogue";
import type en from "./en";

export default {
  about: "ما يستخدمه كثيرون يظهر ضمن «الرائج». أخفِ وسمًا من هناك، أو اسمح به أيًّا كان من يستخدمه.",
  none: "لم يستخدم أحد وسمًا مؤخرًا",
  list: "الوسوم بحسب استخدامها",
  people: {
    zero: "لا أحد اليوم",
    one: "شخص واحد اليوم",
    two: "شخصان اليوم",
    few: "{n} أشخاص اليوم",
    many: "{n} شخصًا اليوم",
    other: "{n} شخص اليوم",
  },
  hide: "إخفاء",
  allow: "سماح",
  undo: "ترك الأمر لاستخدامه",
  hidden: "مخفي",
  allowed: "مسموح",
  actOn: "{act}: الوسم {tag}",
} satisfies Arabic<typeof en>;
