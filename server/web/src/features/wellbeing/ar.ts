import type { Arabic } from "../../i18n/catalogue";
import type en from "./en";

export default {
  intro: "لا يرى هذا أحد غيرك. الحدود من اختيارك، ولك أن تتجاوزها.",
  daily: "دقائق في اليوم",
  dailyHint: "فارغ: بلا حد.",
  pause: "دقائق قبل اقتراح استراحة",
  pauseHint: "من 5 إلى 240؛ فارغ: بلا اقتراح.",
  quietFrom: "الهدوء من",
  quietUntil: "الهدوء حتى",
  quietHint: "تنتظر الإشعارات والبريد حتى ذلك الوقت. فارغ: بلا ساعات هدوء.",
  save: "احفظ",
  saved: "حُفظ.",
  today: "اليوم: {minutes} دقيقة",
  week: "أسبوعك",
  total: "{minutes} دقيقة إجمالًا، منها {watched} في مشاهدة البثوث",
  day: "اليوم",
  minutes: "الدقائق",
  watching: "المشاهدة",
  watched: "الأطول مشاهدة",
  before: "الأسبوع السابق",
  over: "فوق الحد",
  enoughTitle: "أيكفي هذا اليوم؟",
  enoughText: "أمضيت هنا {minutes} دقيقة اليوم، وهو ما أردته.",
  breakTitle: "حان وقت الاستراحة",
  breakText: "أنت هنا منذ مدة بلا توقف.",
  goOn: "تابع",
} satisfies Arabic<typeof en>;
