/** Links a provider by the token of a mail, once the person says so. */
import { useState } from "preact/hooks";
import type { ApiError } from "../../api/http";
import { me } from "../../api/session";
import { MailLink } from "../../ui/mail-link";
import { confirmLink } from "./calls";
import { failureWords, takeFragment } from "./failures";
import { t } from "./words";

function whyVoid(refusal: ApiError): string | undefined {
  if (refusal.status === 409) return failureWords(refusal.code);
  return refusal.status === 422 ? t("confirmVoidText") : undefined;
}

export default function Confirm() {
  const [token] = useState(() => takeFragment().get("token") ?? "");
  return (
    <MailLink
      titles={{ asked: t("confirmTitle"), done: t("confirmed"), void: t("confirmVoid") }}
      texts={{ asked: t("confirmText"), done: t("confirmedText"), void: t("confirmVoidText") }}
      button={t("confirmIt")}
      token={token}
      carryOut={confirmLink}
      whyVoid={whyVoid}
      onward={(state) =>
        state !== "asked" && (
          <a class="button large" href={me.value ? "/settings/security" : "/login"}>
            {me.value ? t("toSecurity") : t("toSignIn")}
          </a>
        )
      }
    />
  );
}
