/** What stands in a macro for the ticket's own. */
export interface Named {
  subject: string;
  requester: { display_name: string; username: string };
}

export function filled(text: string, { subject, requester }: Named): string {
  const words: Record<string, string> = { name: requester.display_name || requester.username, subject };
  return text.replace(/\{(name|subject)\}/g, (whole, word: string) => words[word] ?? whole);
}
