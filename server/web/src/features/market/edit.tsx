/** Change a listing. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { PageTitle, useTitle } from "../../ui/parts";
import { getListing, type Listing } from "./calls";
import { ListingForm } from "./form";
import { Unread } from "./pages";
import { t } from "./words";

export default function EditPage({ listingId }: { listingId: string }) {
  const [one, setOne] = useState<Listing | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(t("editTitle"));
  useEffect(() => void getListing(listingId).then(setOne, setFailure), [listingId, me.value?.id]);
  if (!one) return <Unread failure={failure} title={t("gone")} text={t("goneText")} />;
  return (
    <div class="page narrow">
      <PageTitle>{t("editTitle")}</PageTitle>
      <ListingForm of={one} />
    </div>
  );
}
