/** Takes a change of the e-mail address back, by the link in the mail to the address of before. */
import { useState } from "preact/hooks";
import { MailLink } from "../../ui/mail-link";
import { tokenOf, undoEmail } from "./calls";
import { t } from "./words";

export default function UndoEmail() {
  const [token] = useState(tokenOf(location.hash));
  return (
    <MailLink
      titles={{ asked: t("undoTitle"), done: t("undone"), void: t("noLink") }}
      texts={{ asked: t("undoText"), done: t("undoneText"), void: t("noLinkText") }}
      button={t("undoIt")}
      token={token}
      carryOut={undoEmail}
      whyVoid={(refusal) => (refusal.status === 422 ? t("noLinkText") : undefined)}
      onward={(state) =>
        state === "void" && (
          <a class="button large" href="/forgot">
            {t("forgotten")}
          </a>
        )
      }
    />
  );
}
