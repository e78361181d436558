/** Beside what shows or uses countries of addresses: whose data these are, as the licence of DB-IP Lite wants it. */
import { isOfDbIp } from "../api/rooms";
import { t } from "./words";

export function Geolocation() {
  if (!isOfDbIp()) return null;
  return (
    <p class="dim">
      <a href="https://db-ip.com/" target="_blank" rel="noopener noreferrer">
        {t("geolocationBy")}
      </a>
    </p>
  );
}
