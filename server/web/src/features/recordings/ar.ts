import type { Arabic } from "../../i18n/catalogue";
import type en from "./en";

export default {
  recordings: "التسجيلات",
  explained: "كم تُحفظ تسجيلاتك. أما المقاطع والدردشة والعلامات فتبقى في كل حال.",
  used: "حجمها {size}.",
  days: "أيام بعد الانتهاء",
  gb: "المساحة لها كلها بالغيغابايت",
  noLimit: "فارغ: بلا حد",
  server: "لا يحفظ الخادم تسجيلًا أكثر من {days} يومًا.",
  serverGb: "يحفظ الخادم منها {gb} غيغابايت.",
  save: "احفظ",
  saved: "حُفظ.",
  soon: "ستُحذف قريبًا",
  keep: "أبقِه",
  keepIt: "أبقِ تسجيل {title}",
  kept: "سيبقى.",
  from: "ابتداءً من {at}",
} satisfies Arabic<typeof en>;
