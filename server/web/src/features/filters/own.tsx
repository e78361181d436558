import { FilterForm } from "./form";
import { t } from "./words";

export default function OwnFilter() {
  return <FilterForm whose="me" title={t("own")} text={t("ownText")} />;
}
