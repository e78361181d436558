import type { Arabic } from "../../i18n/catalogue";
import type en from "./en";

export default {
  watching: "يشاهدون الآن",
  gettingReady: "قيد التحضير",
  live: "مباشر",
  started: "بدأ {when}",
  peak: {
    zero: "لم يشاهده أحد",
    one: "مشاهد واحد في الذروة",
    two: "مشاهدان في الذروة",
    few: "{n} مشاهدين في الذروة",
    many: "{n} مشاهدًا في الذروة",
    other: "{n} مشاهد في الذروة",
  },
  title: "العنوان",
  titlePlaceholder: "ماذا ستبث؟",
  titleMissing: "لا بد للبث من عنوان.",
  category: "الفئة",
  tags: "الوسوم",
  tagsPlaceholder: "موسيقى هدوء",
  description: "الوصف",
  music: "موسيقى",
  games: "ألعاب",
  talk: "حوار",
  art: "فن",
  learning: "تعليم",
  sport: "رياضة",
  travel: "سفر",
  food: "طعام",
  making: "صناعة وحِرف",
  other: "أخرى",
} satisfies Arabic<typeof en>;
