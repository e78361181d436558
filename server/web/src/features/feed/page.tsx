import { PageTitle, useTitle } from "../../ui/parts";
import { FeedPanel } from "./panel";
import { t } from "./words";

export default function FeedPage() {
  useTitle(t("title"));
  return (
    <div class="page narrow">
      <PageTitle>{t("title")}</PageTitle>
      <FeedPanel />
    </div>
  );
}
