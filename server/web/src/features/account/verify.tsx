import { useEffect, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { me, reloadMe } from "../../api/session";
import { Logo } from "../../ui/icons";
import { PageTitle, Spinner, useTitle } from "../../ui/parts";
import { tokenOf, verify } from "./calls";
import { t } from "./words";

export default function Verify() {
  const [answer, setAnswer] = useState<"asked" | "done" | string>("asked");
  useTitle(t("address"));
  useEffect(() => {
    const prove = async (): Promise<void> => {
      try {
        await verify(tokenOf(location.hash));
        setAnswer("done");
        if (me.peek()) await reloadMe().catch(() => undefined);
      } catch (error) {
        const isVoid = error instanceof ApiError && error.status === 422;
        setAnswer(isVoid ? t("noLinkText") : sentence(error));
      }
    };
    void prove();
  }, []);
  return (
    <div class="page centred">
      <section class="panel account">
        <Logo />
        <PageTitle>{answer === "asked" ? t("verifying") : answer === "done" ? t("verified") : t("noLink")}</PageTitle>
        {answer === "asked" ? <Spinner /> : <p role="status">{answer === "done" ? t("verifiedText") : answer}</p>}
        <a class="button large" href={answer === "done" ? "/" : "/settings/security"}>
          {answer === "done" ? t("toHome") : t("toAddress")}
        </a>
      </section>
    </div>
  );
}
