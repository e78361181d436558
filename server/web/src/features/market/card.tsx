/** A listing in a list. */
import { decimal } from "../../ui/format";
import { money } from "../money/amounts";
import type { Listing } from "./calls";
import { t } from "./words";

export function ListingCard({ of: one }: { of: Listing }) {
  const picture = one.pictures[0];
  return (
    <li class="market-card">
      <a href={`/market/${one.id}`}>
        {picture ? <img src={picture.preview_url} alt={picture.alt} loading="lazy" decoding="async" /> : <span class="market-blank" aria-hidden="true" />}
        <strong dir="auto">{one.title}</strong>
        <span>{money(one.price, one.currency)}</span>
        <span class="dim">
          <bdi>{one.place?.name ?? ""}</bdi> {one.distance_km != null && t("away", { km: decimal(one.distance_km, 1) })}
        </span>
      </a>
    </li>
  );
}
