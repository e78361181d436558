/** Colours and language, kept on this device. */
import { chooseLanguage } from "../../i18n/catalogue";
import { language, LANGUAGES, NAMES, type Language } from "../../i18n/language";
import { sentence } from "../../api/http";
import { chooseTheme, theme, THEMES, type Theme } from "../../ui/theme";
import { toast } from "../../ui/toasts";
import { t } from "./words";

const COLOURS = { system: "system", light: "light", dark: "dark" } as const satisfies Record<Theme, string>;

export default function AppearanceSettings() {
  const speak = (chosen: Language): void => void chooseLanguage(chosen).catch((error) => toast(sentence(error), "bad"));
  return (
    <>
      <fieldset class="panel choice choice-row">
        <legend>{t("language")}</legend>
        {LANGUAGES.map((one) => (
          <label key={one}>
            <input type="radio" name="language" checked={language.value === one} onChange={() => speak(one)} />
            <span lang={one}>{NAMES[one]}</span>
          </label>
        ))}
      </fieldset>
      <fieldset class="panel choice choice-row">
        <legend>{t("colours")}</legend>
        {THEMES.map((one) => (
          <label key={one}>
            <input type="radio" name="theme" checked={theme.value === one} onChange={() => chooseTheme(one)} />
            <span>{t(COLOURS[one])}</span>
          </label>
        ))}
      </fieldset>
    </>
  );
}
