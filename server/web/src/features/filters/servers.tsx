import { FilterForm } from "./form";
import { t } from "./words";

export default function ServerFilter() {
  return <FilterForm whose="admin" title={t("servers")} text={t("serversText")} />;
}
