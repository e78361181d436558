import type en from "./en";

export default {
  clips: "المقاطع",
  clip: "مقطع",
  clipLast: "اقتطع آخر {n} ثانية",
  making: "يُجهَّز المقطع…",
  made: "مقطعك جاهز.",
  noClip: "هذا المقطع غير موجود",
  noClipText: "ربما حُذف، أو أن الرابط غير مكتمل.",
  notLoaded: "تعذّر تحميل المقطع",
  madeBy: "اقتطعه",
  ofStream: "البث كاملًا",
  download: "تنزيل",
  share: "مشاركة",
  remove: "حذف",
  confirmRemove: "أتريد حذف هذا المقطع نهائيًا؟",
  removed: "حُذف المقطع.",
  chat: "محادثة هذا المقطع",
  allowOthers: "يمكن للآخرين اقتطاع مقاطع من بثوثي",
  allowOthersHint: "كل من يحق له مشاهدة البث يمكنه حفظ دقيقة منه على الأكثر. يمكنك دائمًا اقتطاع مقاطع من بثك وحذف أي مقطع منه.",
  saved: "حُفظ.",
} as const satisfies Record<keyof typeof en, unknown>;
