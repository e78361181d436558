import type { Arabic } from "../../i18n/catalogue";
import type en from "./en";

export default {
  watch: "المشاهدة",
  noStream: "هذا البث غير موجود",
  noStreamText: "ربما حُذف، أو أن الرابط غير مكتمل.",
  notLoaded: "تعذّر تحميل البث",
  tryingAgain: "{reason} جارٍ إعادة المحاولة…",
  saved: "تم الحفظ.",
  profileOf: "الصفحة الشخصية: {name}",
  about: "عن هذا البث",
  gettingReady: "قيد التحضير",
  atPeak: "الذروة: {n}",
  watchingAndPeak: "عدد المشاهدين الآن {watching}، وفي الذروة {peak}",
  watching: "يشاهدون الآن",
  embed: "تضمين",
  embedCopied: "نُسخت الشيفرة لصفحتك.",
  embedRefused: "رفض المتصفح النسخ.",
  share: "مشاركة",
  edit: "تعديل",
  end: "إنهاء",
  confirmEnd: "هل تريد إنهاء هذا البث للجميع؟",
  editTitle: "تعديل البث",
  save: "حفظ",
  cancel: "إلغاء",
} satisfies Arabic<typeof en>;
