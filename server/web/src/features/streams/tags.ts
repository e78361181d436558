/** "#Lo-Fi, live  coding" → ["lo-fi", "live", "coding"] */
export function tagsOf(text: string): string[] {
  const words = text.split(/[\s,#]+/).map((word) => word.trim().toLocaleLowerCase());
  return [...new Set(words.filter(Boolean))];
}
