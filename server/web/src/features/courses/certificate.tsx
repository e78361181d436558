/** Whether a certificate is one, for anybody. */
import { useEffect, useState } from "preact/hooks";
import { when } from "../../ui/format";
import { Missing } from "../../ui/missing";
import { Loading, PageTitle, useTitle } from "../../ui/parts";
import { type Certificate, verify } from "./calls";
import { t } from "./words";
import "./courses.css";

export default function CertificatePage({ code }: { code: string }) {
  const [one, setOne] = useState<Certificate | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(t("valid"));
  useEffect(() => void verify(code).then(setOne, setFailure), [code]);
  if (failure) return <Missing title={t("invalid")} text={t("invalidText")} />;
  if (!one) return <Loading />;
  return (
    <div class="page narrow courses">
      <PageTitle>{t("valid")}</PageTitle>
      <p dir="auto">{t("validText", { name: one.name, title: one.title, when: when(one.issued_at) })}</p>
      <p dir="ltr">{one.code}</p>
    </div>
  );
}
