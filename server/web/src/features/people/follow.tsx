import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { CheckIcon } from "../../ui/icons";
import { toast } from "../../ui/toasts";
import { getUser, setFollow } from "./calls";
import { t } from "./words";

/** Follow or unfollow; the button turns at once and turns back if the server refuses. */
export function Follow({ username, following, onChange }: { username: string; following?: boolean; onChange?: (following: boolean) => void }) {
  const [follows, setFollows] = useState<boolean | null>(following ?? null);
  useEffect(() => {
    if (following !== undefined) return setFollows(following);
    if (!me.value) return setFollows(false);
    getUser(username).then(
      (user) => setFollows(user.viewer?.following ?? false),
      () => setFollows(false),
    );
  }, [username, following, me.value?.id]);

  const toggle = async (): Promise<void> => {
    if (!me.value) return navigate(loginPath());
    const next = !follows;
    setFollows(next);
    try {
      await setFollow(username, next);
      onChange?.(next);
    } catch (error) {
      setFollows(!next);
      toast(sentence(error), "bad");
    }
  };
  return (
    <button type="button" class={`button${follows ? "" : " strong"}`} aria-pressed={Boolean(follows)} disabled={follows === null} onClick={toggle}>
      {follows ? (
        <>
          <CheckIcon /> {t("following")}
        </>
      ) : (
        t("follow")
      )}
    </button>
  );
}
