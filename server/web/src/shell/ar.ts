import type { Arabic } from "../i18n/catalogue";
import type en from "./en";

export default {
  skip: "انتقل إلى المحتوى",
  brand: "Social {flow}",
  brandFlow: "Flow",
  brandHome: "Social Flow، الصفحة الرئيسية",
  search: "بحث",
  suggestions: "اقتراحات",
  useLight: "استخدام الألوان الفاتحة",
  useDark: "استخدام الألوان الداكنة",
  signIn: "دخول",
  signOut: "تسجيل الخروج",
  signedOut: "تم تسجيل خروجك.",
  yourAccount: "حسابك، {name}",
  yourPage: "صفحتك",
  main: "التنقل الرئيسي",
  settings: "الإعدادات",
  administration: "الإدارة",
  revoked: "تم تسجيل خروجك على هذا الجهاز.",
  expired: "انتهت جلستك. سجّل الدخول مرة أخرى.",
  offline: "أنت غير متصل بالإنترنت. سيتواصل كل شيء عند عودة الاتصال.",
  draining: "يعاد تشغيل الخادم: سيعود اتصالك بعد لحظات.",
  reconnecting: "انقطع الاتصال. جارٍ إعادة الاتصال…",
  broken: "حدث خطأ في هذه الصفحة",
  brokenText: "الخطأ من جهتنا وليس من جهتك. إعادة التحميل تحل المشكلة غالبًا.",
  loadAgain: "إعادة التحميل",
} satisfies Arabic<typeof en>;
