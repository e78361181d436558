/** In the place of a broadcast, video or clip that is not for this viewer, and before one with a warning. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ApiError } from "../../api/http";
import { me } from "../../api/session";
import { loginPath } from "../../router";
import { Geolocation } from "../../ui/geolocation";
import { Empty, PageTitle, useTitle } from "../../ui/parts";
import { t } from "./words";

export const isRestricted = (failure: unknown): failure is ApiError => failure instanceof ApiError && failure.status === 451;

/** The end of the problem's type → what it is called, and what is said. */
const REASONS = {
  "restricted-age": { title: "ageTitle", Text: Age },
  claimed: { title: "claimedTitle", Text: () => <p>{t("claimedText")}</p> },
  withheld: { title: "withheldTitle", Text: () => <p>{t("withheldText")}</p> },
  "restricted-country": { title: "countryTitle", Text: Country },
} as const;

export function RestrictionGate({ failure }: { failure: ApiError }) {
  const code = failure.type.split("/").pop() as keyof typeof REASONS;
  const reason = REASONS[code] ?? REASONS["restricted-country"];
  const title = t(reason.title);
  useTitle(title);
  return (
    <div class="page centred">
      <PageTitle hidden>{title}</PageTitle>
      <Empty title={title}>
        <reason.Text />
      </Empty>
    </div>
  );
}

function Country() {
  return (
    <>
      <p>{t("countryText")}</p>
      <Geolocation />
    </>
  );
}

function Age() {
  const isKnown = Boolean(me.value);
  return (
    <>
      <p>{t(isKnown ? "ageText" : "ageSignIn")}</p>
      <a class="button accent" href={isKnown ? "/settings/profile" : loginPath()}>
        {t(isKnown ? "setBirthDate" : "signIn")}
      </a>
    </>
  );
}

/** The children once the viewer has read the warning, if there is one. */
export function WarningGate({ warning, children }: { warning: string | null | undefined; children: ComponentChildren }) {
  const [read, setRead] = useState(false);
  if (!warning || read) return <>{children}</>;
  return (
    <div class="warning-gate" role="region" aria-label={t("warningTitle")}>
      <Empty title={t("warningTitle")}>
        <p dir="auto">{warning}</p>
        <button type="button" class="button accent" onClick={() => setRead(true)}>
          {t("watchAnyway")}
        </button>
      </Empty>
    </div>
  );
}
