import type { Arabic } from "../../i18n/catalogue";
import type en from "./en";

export default {
  emotes: "رموز غرفك التعبيرية",
  emotesText: "يستعملها كل من يكتب في غرفك، هكذا: ‎:name:‎.",
  none: "لا شيء بعد.",
  remove: "إزالة",
  removeIt: "إزالة ‎:{name}:‎",
  removed: "أُزيل الرمز. يبقى اسمه في الرسائل.",
  newEmote: "رمز جديد",
  name: "الاسم",
  nameHint: "من 2 إلى 32 من الحروف اللاتينية والأرقام والشرطة السفلية.",
  file: "الصورة",
  fileHint: "PNG أو WebP أو GIF، 300 في 300 بكسل على الأكثر. تبقى الصورة المتحركة متحركة.",
  choose: "اختر صورة.",
  add: "إضافة",
  added: "يمكن استعمال الرمز الآن.",
} satisfies Arabic<typeof en>;
