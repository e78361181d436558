/** After the deletion of an account: until when signing in takes it back. */
import { useState } from "preact/hooks";
import { when } from "../../ui/format";
import { Logo } from "../../ui/icons";
import { PageTitle, useTitle } from "../../ui/parts";
import { untilOf } from "./calls";
import { t } from "./words";

export default function Goodbye() {
  useTitle(t("goodbye"));
  const [until] = useState(untilOf(location.hash));
  return (
    <div class="page centred">
      <section class="panel account">
        <Logo />
        <PageTitle>{t("goodbye")}</PageTitle>
        <p role="status">{until ? t("goodbyeUntil", { date: when(until) }) : t("goodbyeNow")}</p>
        {until && (
          <a class="button large" href="/login">
            {t("signIn")}
          </a>
        )}
        <p class="account-other">
          <a href="/">{t("toHome")}</a>
        </p>
      </section>
    </div>
  );
}
