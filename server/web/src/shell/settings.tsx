import { useEffect } from "preact/hooks";
import { me } from "../api/session";
import { loginPath, navigate } from "../router";
import { Area, type AreaPage } from "./area";
import { settingsSections } from "./pages";
import { isThere } from "../api/rooms";
import { t } from "./words";

/** Guests see the sections that need nobody; another one asks them to sign in. */
export default function Settings({ section }: AreaPage) {
  const open = settingsSections.filter((one) => isThere(one) && (me.value || one.isForGuests));
  const isOpen = open.some(({ name }) => name === section) || Boolean(me.value);
  useEffect(() => {
    if (!isOpen) navigate(loginPath(), true);
  }, [isOpen]);
  return isOpen ? <Area base="/settings" title={t("settings")} sections={open} section={section} /> : null;
}
