/** The second factor by an authenticator app, and its recovery codes. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { month } from "../../ui/format";
import { CopyButton, Field, Spinner } from "../../ui/parts";
import { attempt, FormError, Secret, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { confirmCode, enroll, getFactors, removeTotp, renewCodes, type Enrolment, type Factors } from "./calls";
import { QrCode } from "./qr";
import { CodeField, proved } from "./reauthentication";
import { t } from "./words";

type Step = { name: "none" } | { name: "enrolling"; enrolment: Enrolment } | { name: "codes"; codes: string[] } | { name: "removing" };

const NONE: Step = { name: "none" };

export function Totp() {
  const [factors, setFactors] = useState<Factors | null>(null);
  const [step, setStep] = useState<Step>(NONE);
  const load = async (): Promise<void> => setFactors(await getFactors());
  useEffect(() => void load().catch((error: unknown) => toast(sentence(error), "bad")), []);
  const begin = (): Promise<void> => attempt(async () => setStep({ name: "enrolling", enrolment: await proved(enroll) }));
  const renew = (): Promise<void> => attempt(async () => show((await proved(renewCodes)).recovery_codes));
  const show = (codes: string[]): Promise<void> => {
    setStep({ name: "codes", codes });
    return load();
  };
  const removed = (): Promise<void> => {
    setStep(NONE);
    toast(t("totpRemoved"), "good");
    return load();
  };
  return (
    <section class="panel" aria-labelledby="totp">
      <h2 id="totp">{t("totp")}</h2>
      {!factors && <Spinner />}
      {factors && step.name === "none" && !factors.totp && (
        <>
          <p class="dim">{t("totpText")}</p>
          <button type="button" class="button accent" onClick={() => void begin()}>
            {t("setUp")}
          </button>
        </>
      )}
      {factors?.totp && step.name === "none" && (
        <>
          <p>{t("totpOn", { month: month(factors.totp.confirmed_at) })}</p>
          <p class={factors.totp.codes_left < FEW ? "warning" : "dim"}>{t("codesLeft", { n: factors.totp.codes_left })}</p>
          <div class="factors-row">
            <button type="button" class="button" onClick={() => void renew()}>
              {t("newCodes")}
            </button>
            <button type="button" class="button danger" onClick={() => setStep({ name: "removing" })}>
              {t("removeTotp")}
            </button>
          </div>
        </>
      )}
      {step.name === "enrolling" && <Enrolling enrolment={step.enrolment} onCodes={show} onCancel={() => setStep(NONE)} />}
      {step.name === "codes" && <Codes codes={step.codes} onKept={() => setStep(NONE)} />}
      {step.name === "removing" && <Removing onRemoved={removed} onCancel={() => setStep(NONE)} />}
    </section>
  );
}

const FEW = 3;

/** A heading that takes the focus, as what it names has come in place of what had it. */
function StepTitle({ children }: { children: ComponentChildren }) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  return (
    <h3 ref={title} tabIndex={-1}>
      {children}
    </h3>
  );
}

interface EnrollingProps {
  enrolment: Enrolment;
  onCodes: (codes: string[]) => Promise<void>;
  onCancel: () => void;
}

function Enrolling({ enrolment, onCodes, onCancel }: EnrollingProps) {
  const { form, errors, busy, submit } = useSending(["code"], async (data) => {
    const code = textOf(data, "code").trim();
    await onCodes((await proved(() => confirmCode(code))).recovery_codes);
  });
  return (
    <form class="factors-form" ref={form} onSubmit={submit} noValidate>
      <StepTitle>{t("scan")}</StepTitle>
      <QrCode text={enrolment.otpauth_uri} label={t("qr")} />
      <p>{t("orType")}</p>
      <p class="factors-secret">
        <code class="mono" dir="ltr">
          {enrolment.secret.match(/.{1,4}/g)?.join(" ")}
        </code>
        <CopyButton text={enrolment.secret} label={t("copySecret")} />
      </p>
      <FormError text={errors["form"]} />
      <CodeField name="code" error={errors["code"]} hint={t("codeOfApp")} />
      <Buttons action={t("confirmTotp")} busy={busy} onCancel={onCancel} />
    </form>
  );
}

function Buttons({ action, busy, onCancel, isDanger = false }: { action: string; busy: boolean; onCancel: () => void; isDanger?: boolean }) {
  return (
    <div class="factors-row">
      <button type="submit" class={`button ${isDanger ? "danger" : "accent"}`} disabled={busy}>
        {action}
      </button>
      <button type="button" class="button" onClick={onCancel}>
        {t("cancel")}
      </button>
    </div>
  );
}

function Codes({ codes, onKept }: { codes: string[]; onKept: () => void }) {
  return (
    <div class="factors-form">
      <StepTitle>{t("codes")}</StepTitle>
      <p>{t("codesText")}</p>
      <ol class="factors-codes" dir="ltr" aria-label={t("codes")}>
        {codes.map((code) => (
          <li key={code} class="mono">
            {code}
          </li>
        ))}
      </ol>
      <div class="factors-row">
        <CopyButton text={codes.join("\n")} label={t("copyCodes")} />
        <button type="button" class="button accent" onClick={onKept}>
          {t("kept")}
        </button>
      </div>
    </div>
  );
}

function Removing({ onRemoved, onCancel }: { onRemoved: () => Promise<void>; onCancel: () => void }) {
  const hasPassword = me.value?.has_password ?? true;
  const { form, errors, busy, submit } = useSending(["password", "code"], async (data) => {
    if (hasPassword) await removeTotp({ password: textOf(data, "totp_password"), code: textOf(data, "code").trim() });
    else await proved(() => removeTotp({}));
    await onRemoved();
  });
  return (
    <form class="factors-form" ref={form} onSubmit={submit} noValidate>
      <StepTitle>{t("removeTotp")}</StepTitle>
      <p>{t("removeText")}</p>
      <FormError text={errors["form"]} />
      {hasPassword && (
        <>
          <Field label={t("password")} name="totp_password" error={errors["password"]}>
            {(ids) => <Secret {...ids} name="totp_password" autocomplete="current-password" />}
          </Field>
          <CodeField name="code" error={errors["code"]} />
        </>
      )}
      <Buttons action={t("removeTotp")} busy={busy} onCancel={onCancel} isDanger />
    </form>
  );
}
