import { Empty, PageTitle, useTitle } from "./parts";
import { t } from "./words";

interface Props {
  title?: string;
  text?: string;
}

export function Missing({ title = t("missingTitle"), text = t("missingText") }: Props) {
  useTitle(title);
  return (
    <div class="page centred">
      <PageTitle hidden>{title}</PageTitle>
      <Empty title={title} art={<span class="big-number">404</span>}>
        <p>{text}</p>
        <a class="button accent" href="/">
          {t("seeLive")}
        </a>
      </Empty>
    </div>
  );
}
