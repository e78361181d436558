import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { call, me } from "../../api/session";
import type { Answer, Stream } from "../../api/types";
import { loginPath, navigate } from "../../router";
import { CheckIcon } from "../../ui/icons";
import { toast } from "../../ui/toasts";
import { t } from "./words";

/** Be reminded of an announced stream; the button turns at once and turns back if the server refuses. */
export function Remind({ stream }: { stream: Stream }) {
  const [isAsked, setAsked] = useState<boolean | null>(me.value ? null : false);
  useEffect(() => {
    if (!me.value) return setAsked(false);
    call<Answer<"listReminders">>("/me/reminders?limit=100").then(
      ({ items }) => setAsked(items.some((one) => one.stream_id === stream.id)),
      () => setAsked(false),
    );
  }, [stream.id, me.value?.id]);

  const toggle = async (): Promise<void> => {
    if (!me.value || isAsked === null) return navigate(loginPath());
    setAsked(!isAsked);
    try {
      await call(`/streams/${stream.id}/reminder`, { method: isAsked ? "DELETE" : "PUT" });
    } catch (error) {
      setAsked(isAsked);
      toast(sentence(error), "bad");
    }
  };
  return (
    <button type="button" class="button" aria-pressed={isAsked === true} disabled={isAsked === null} onClick={toggle}>
      {isAsked && <CheckIcon />} {t(isAsked ? "reminded" : "remindMe")}
    </button>
  );
}
