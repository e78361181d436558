import { me } from "../api/session";
import type { Load } from "../feature";
import { chooseLanguage } from "../i18n/catalogue";
import { language, LANGUAGES, NAMES } from "../i18n/language";
import { loginPath, path } from "../router";
import { sentence } from "../api/http";
import { Logo, MoonIcon, SunIcon } from "../ui/icons";
import { chooseTheme, isDark } from "../ui/theme";
import { toast } from "../ui/toasts";
import { AccountMenu } from "./account-menu";
import { useLazy } from "./lazy";
import { tools } from "./pages";
import { SearchField } from "./search-field";
import { t } from "./words";

export function Header() {
  return (
    <header class="top">
      <a class="brand" href="/" aria-label={t("brandHome")}>
        <Logo />
        <span class="brand-name" aria-hidden="true" lang="en" dir="ltr">
          {t.rich("brand", { flow: <b>{t("brandFlow")}</b> })}
        </span>
      </a>
      <SearchField />
      <div class="top-tools">
        <LanguageSwitch />
        <ThemeSwitch />
        {me.value && !me.value.must_change_password && tools.map((load, index) => <Tool key={index} load={load} />)}
        {me.value ? <AccountMenu /> : <SignIn />}
      </div>
    </header>
  );
}

/** Nothing until its code is there; without it the header does without. */
function Tool({ load }: { load: Load }) {
  const { Found } = useLazy(load);
  return Found ? <Found /> : null;
}

/** To the next language; all of them are in the settings. */
function LanguageSwitch() {
  const next = LANGUAGES[(LANGUAGES.indexOf(language.value) + 1) % LANGUAGES.length] ?? "en";
  const speak = (): void => void chooseLanguage(next).catch((error) => toast(sentence(error), "bad"));
  return (
    <button type="button" class="icon-button language" lang={next} onClick={speak}>
      {NAMES[next]}
    </button>
  );
}

function ThemeSwitch() {
  const dark = isDark();
  return (
    <button
      type="button"
      class="icon-button hide-narrow"
      aria-label={dark ? t("useLight") : t("useDark")}
      onClick={() => chooseTheme(dark ? "light" : "dark")}
    >
      {dark ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}

function SignIn() {
  const at = path.value;
  return (
    <a class="button" href={at.startsWith("/login") ? "/login" : loginPath()} aria-current={at === "/login" ? "page" : undefined}>
      {t("signIn")}
    </a>
  );
}
