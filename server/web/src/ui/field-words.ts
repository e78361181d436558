/** What is wrong with a field, in words for the person who filled it in. */

const LABELS: Record<string, string> = { login: "Username or e-mail", email: "E-mail address", totp: "Code", bio: "About you" };

const capital = (text: string): string => text.charAt(0).toLocaleUpperCase() + text.slice(1);

const labelOf = (field: string): string => LABELS[field] ?? capital(field.replaceAll("_", " "));

const TAKEN: Record<string, string> = {
  username: "That username is taken. Try another one.",
  email: "There is an account with this address already. Sign in with it instead.",
};
/** What a value of this form must look like, whichever of its rules was broken. */
const FORMS: Record<string, string> = {
  username: "A username has 3 to 30 letters, digits or underscores, and no spaces.",
  email: "That is no e-mail address. It looks like ada@example.org.",
};
/** A rule as the server tells it, such as "must have at least 3 characters" or a pattern that did not match. */
const IS_FORM = /^must (have|be)\b|pattern|characters/i;

/** `message` as the server gave it for the last part of the field's path; always a whole sentence. */
export function fieldWords(field: string, message: string): string {
  const said = message.trim();
  if (/^is required$/i.test(said)) return `${labelOf(field)} is missing.`;
  if (/^is taken$/i.test(said)) return TAKEN[field] ?? `${labelOf(field)} is taken.`;
  const form = FORMS[field];
  if (form && IS_FORM.test(said)) return form;
  const isSentence = /^\p{Lu}/u.test(said);
  return (isSentence ? said : `${labelOf(field)} ${said}`).replace(/[^.!?]$/, "$&.");
}
