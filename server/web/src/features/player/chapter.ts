/** A named moment, in seconds from the beginning, without a browser. */
export interface Chapter {
  at: number;
  label: string;
}

/** The chapter that a moment is in. */
export function chapterAt(chapters: readonly Chapter[], seconds: number): Chapter | undefined {
  return chapters.findLast(({ at }) => at <= seconds);
}
