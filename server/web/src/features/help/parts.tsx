/** What the pages of help share. */
import { ApiError, sentence } from "../../api/http";
import { Missing } from "../../ui/missing";
import { Empty, PageTitle, Spinner } from "../../ui/parts";
import { t } from "./words";
import "./help.css";

/** In place of what is not there yet, or not at all. */
export function Unread({ failure, title, text }: { failure: unknown; title: string; text: string }) {
  if (failure instanceof ApiError && [400, 404, 422].includes(failure.status)) return <Missing title={title} text={text} />;
  return (
    <div class="page centred">
      <PageTitle hidden>{t("title")}</PageTitle>
      {failure ? <Empty title={sentence(failure)} /> : <Spinner />}
    </div>
  );
}
