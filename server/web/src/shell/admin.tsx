import { useEffect } from "preact/hooks";
import { isModerator, me } from "../api/session";
import { loginPath, navigate } from "../router";
import { Area, type AreaPage } from "./area";
import { adminSections } from "./pages";
import { isThere } from "../api/rooms";
import { t } from "./words";

/** Whether this person may see a section is the server's decision, which each section shows. */
export default function Admin({ section }: AreaPage) {
  const user = me.value;
  useEffect(() => {
    if (!user) navigate(loginPath(), true);
  }, [user]);
  const there = adminSections.filter(isThere);
  const sections = isModerator(user) ? there.filter(({ isForModerators }) => isForModerators) : there;
  return user ? <Area base="/admin" title={t("administration")} sections={sections} section={section} /> : null;
}
