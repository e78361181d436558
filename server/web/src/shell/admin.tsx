import { useEffect } from "preact/hooks";
import { me } from "../api/session";
import { loginPath, navigate } from "../router";
import { Area, type AreaPage } from "./area";
import { adminSections } from "./pages";
import { t } from "./words";

/** Whether this person may see a section is the server's decision, which each section shows. */
export default function Admin({ section }: AreaPage) {
  const user = me.value;
  useEffect(() => {
    if (!user) navigate(loginPath(), true);
  }, [user]);
  return user ? <Area base="/admin" title={t("administration")} sections={adminSections} section={section} /> : null;
}
