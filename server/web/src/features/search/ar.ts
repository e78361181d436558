import type { Arabic } from "../../i18n/catalogue";
import type en from "./en";

export default {
  title: "البحث",
  titleOf: "البحث عن: {words}",
  found: {
    zero: "لم يُعثر على أي بث",
    one: "عُثر على بث واحد",
    two: "عُثر على بثّين",
    few: "عُثر على {n} بثوث",
    many: "عُثر على {n} بثًّا",
    other: "عُثر على {n} بث",
  },
  nothing: "لا توجد نتائج",
  ask: "عمّ تبحث؟",
  hint: "يجري البحث في عناوين البثوث وأوصافها وفئاتها ووسومها.",
} satisfies Arabic<typeof en>;
