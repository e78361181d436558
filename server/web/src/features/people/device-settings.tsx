import { me, signOut } from "../../api/session";
import { navigate } from "../../router";
import { t } from "./words";

export default function DeviceSettings() {
  const user = me.value;
  if (!user) return null;
  const leave = async (): Promise<void> => {
    await signOut();
    navigate("/");
  };
  return (
    <div class="panel">
      <p>{t("signedInAs", { name: `@${user.username}` })}</p>
      <button type="button" class="button danger" onClick={() => void leave()}>
        {t("signOut")}
      </button>
    </div>
  );
}
