import type { Arabic } from "../../i18n/catalogue";
import type en from "./en";

export default {
  noAnswer: "الخادم لا يستجيب",
  tryAgain: "حاول مرة أخرى",
  liveNow: "مباشر الآن",
  comingUp: "قريبًا",
  recordings: "أحدث التسجيلات",
  showMore: "عرض المزيد",
  nobody: "لا أحد يبث الآن",
  nobodyText: "كن أول من يبث. لن يستغرق الأمر أكثر من دقيقة، وسيراك كل من يفتح هذه الصفحة.",
  stepOpen: "{lead} واختر عنوانًا لبثك.",
  stepOpenLead: "افتح الاستوديو",
  stepSource: "{lead} كاميرا هذا المتصفح أو شاشتك، أو OBS، أو أي برنامج ترميز يدعم RTMP أو WHIP.",
  stepSourceLead: "اختر المصدر:",
  stepStart: "{lead} ويراك المشاهدون خلال أقل من ثانية.",
  stepStartLead: "اضغط «ابدأ»",
  goLive: "ابدأ البث",
} satisfies Arabic<typeof en>;
