import type { Arabic } from "../../i18n/catalogue";
import type en from "./en";

export default {
  overlays: "طبقات العرض",
  explained: "صفحات بلا خلفية لمصدر متصفح في OBS، بنحو 400 × 600. من لديه عنوان منها يقرأ به محادثتك وتنبيهاتك، ولا يفعل شيئًا.",
  chat: "المحادثة",
  alerts: "التنبيهات",
  poll: "الاستطلاع",
  newKey: "عناوين جديدة",
  confirmNewKey: "تتوقف العناوين الحالية فورًا. أتريد عناوين جديدة؟",
  newKeyReady: "العناوين الجديدة جاهزة.",
  votes: { zero: "لا أصوات", one: "صوت واحد", two: "صوتان", few: "{n} أصوات", many: "{n} صوتًا", other: "{n} صوت" },
  followed: "{name} يتابعك",
  raided: {
    zero: "{name} يأتي دون مشاهدين",
    one: "{name} يأتي مع مشاهد واحد",
    two: "{name} يأتي مع مشاهدَين",
    few: "{name} يأتي مع {n} مشاهدين",
    many: "{name} يأتي مع {n} مشاهدًا",
    other: "{name} يأتي مع {n} مشاهد",
  },
  redeemed: "{name} يطلب «{title}»",
} satisfies Arabic<typeof en>;
