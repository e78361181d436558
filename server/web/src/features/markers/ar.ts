import type en from "./en";

export default {
  chapters: "الفصول",
  add: "علّم هذه اللحظة",
  label: "ماذا يحدث هنا؟",
  added: "عُلّمت اللحظة.",
  remove: "حذف «{label}»",
} as const satisfies Record<keyof typeof en, unknown>;
