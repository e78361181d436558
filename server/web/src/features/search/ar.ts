import type { Arabic } from "../../i18n/catalogue";
import type en from "./en";

export default {
  title: "البحث",
  titleOf: "البحث عن: {words}",
  kinds: "أنواع النتائج",
  all: "الكل",
  people: "الأشخاص",
  posts: "المنشورات",
  streams: "البثوث",
  videos: "المقاطع",
  communities: "المجتمعات",
  live: "مباشر",
  followers: {
    zero: "لا متابعين",
    one: "متابع واحد",
    two: "متابعان",
    few: "{n} متابعين",
    many: "{n} متابعًا",
    other: "{n} متابع",
  },
  found: {
    zero: "لا نتائج",
    one: "نتيجة واحدة",
    two: "نتيجتان",
    few: "{n} نتائج",
    many: "{n} نتيجة",
    other: "{n} نتيجة",
  },
  more: "المزيد",
  failed: "تعذّر البحث",
  again: "أعد المحاولة",
  nothing: "لا توجد نتائج",
  nothingHint: "قد تجد أكثر بكلمات أقل أو بإملاء آخر.",
  ask: "عمّ تبحث؟",
  hint: "يُعثر على الأشخاص بأسمائهم، وعلى البثوث والمقاطع بكلمات من عناوينها وأوصافها ووسومها.",
} satisfies Arabic<typeof en>;
