import type { Arabic } from "../../i18n/catalogue";
import type en from "./en";

export default {
  forAdmins: "للمشرفين العامين",
  noLeave: "لا يحق لحسابك رؤية هذه الصفحة.",
  filter: "تصفية السجل",
  actor: "من فعل",
  actorHint: "اسم مستخدم أو معرّف",
  action: "الفعل",
  actionHint: "مثل person.suspended، أو كل نوع مثل person",
  show: "عرض",
  entries: "القيود",
  none: "لا توجد قيود كهذه",
  more: "قيود أقدم",
  server: "الخادم",
  concerns: "يخص {subject}",
  from: "من {ip}",
  erased: "مُحي ما يقوله عن شخص مع حسابه.",
  details: "التفاصيل",
  hash: "البصمة",
  verify: "التحقق من السجل",
  verifying: "جارٍ التحقق…",
  whole: {
    zero: "السجل سليم: لا قيود.",
    one: "السجل سليم: قيد واحد، لم يتغيّر.",
    two: "السجل سليم: قيدان، لم يتغيّر منهما شيء.",
    few: "السجل سليم: {n} قيود، لم يتغيّر أو ينقص منها شيء.",
    many: "السجل سليم: {n} قيدًا، لم يتغيّر أو ينقص منها شيء.",
    other: "السجل سليم: {n} قيد، لم يتغيّر أو ينقص منها شيء.",
  },
  broken: "عُبث بالسجل: القيد {id} لا يطابق.",
} satisfies Arabic<typeof en>;
