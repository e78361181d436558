/** Sell something. */
import { PageTitle, useTitle } from "../../ui/parts";
import { ListingForm } from "./form";
import { t } from "./words";
import "./market.css";

export default function NewListingPage() {
  useTitle(t("newTitle"));
  return (
    <div class="page narrow">
      <PageTitle>{t("newTitle")}</PageTitle>
      <ListingForm of={null} />
    </div>
  );
}
