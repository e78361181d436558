/** What is wrong with a field, in words for the person who filled it in. */
import { isTranslated } from "../i18n/catalogue";
import { t } from "./words";

const LABELS: Readonly<Record<string, () => string>> = {
  login: () => t("fieldLogin"),
  username: () => t("fieldUsername"),
  email: () => t("fieldEmail"),
  password: () => t("fieldPassword"),
  totp: () => t("fieldTotp"),
  display_name: () => t("fieldName"),
  bio: () => t("fieldBio"),
  links: () => t("fieldLinks"),
  title: () => t("fieldTitle"),
  category: () => t("fieldCategory"),
  tags: () => t("fieldTags"),
  description: () => t("fieldDescription"),
};

const capital = (text: string): string => text.charAt(0).toLocaleUpperCase() + text.slice(1);

const labelOf = (field: string): string => LABELS[field]?.() ?? capital(field.replaceAll("_", " "));

const TAKEN: Readonly<Record<string, () => string>> = { username: () => t("usernameTaken"), email: () => t("emailTaken") };
/** What a value of this form must look like, whichever of its rules was broken. */
const FORMS: Readonly<Record<string, () => string>> = {
  username: () => t("usernameForm"),
  email: () => t("emailForm"),
  links: () => t("linksForm"),
};
/** A rule as the server tells it, such as "must have at least 3 characters" or a pattern that did not match. */
const IS_FORM = /^must (have|be)\b|pattern|characters|at most \d+ items/i;

/** `message` as the server gave it, in English, for the last part of the field's path; always a whole sentence. */
export function fieldWords(field: string, message: string): string {
  const said = message.trim();
  if (/^is required$/i.test(said)) return t("fieldMissing", { field: labelOf(field) });
  if (/^is taken$/i.test(said)) return TAKEN[field]?.() ?? t("fieldTaken", { field: labelOf(field) });
  const form = FORMS[field];
  if (form && IS_FORM.test(said)) return form();
  if (isTranslated()) return t("fieldWrong", { field: labelOf(field) });
  const isSentence = /^\p{Lu}/u.test(said);
  return (isSentence ? said : `${labelOf(field)} ${said}`).replace(/[^.!?]$/, "$&.");
}
