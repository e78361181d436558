/** The session of a lesson: when it is, the way into it, and for its author who was there. */
import { navigate } from "../../router";
import { when } from "../../ui/format";
import { Field } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { joinSession, type Lesson, markAttendance } from "./calls";
import { t } from "./words";

/** Whether its learners are seen to be there. */
export const isAttended = (one: Lesson): boolean => one.kind === "live" && Boolean(one.starts_at ?? one.call_id);

export function Session({ one, isAuthor }: { one: Lesson; isAuthor: boolean }) {
  const join = async (): Promise<void> => {
    const { call_id: callId, join_token: token } = await joinSession(one.id);
    navigate(`/calls/${callId}#${token}`);
  };
  return (
    <div class="stack">
      {one.starts_at && <p>{t("sessionAt", { when: when(one.starts_at), n: Math.round(one.lasts_seconds / 60) })}</p>}
      {isAttended(one) && !isAuthor && !one.done && <p class="muted">{t("attendToDo")}</p>}
      {isAuthor && !one.stream_id && (
        <a class="button accent" href={one.call_id ? `/calls/${one.call_id}` : `/lessons/${one.id}/session`}>
          {t(one.call_id ? "joinSession" : "holdSession")}
        </a>
      )}
      {!isAuthor && one.call_id && (
        <button type="button" class="button accent" onClick={() => void attempt(join)}>
          {t("joinSession")}
        </button>
      )}
      {isAuthor && <Attendance id={one.id} />}
    </div>
  );
}

function Attendance({ id }: { id: string }) {
  const { form, errors, busy, submit } = useSending(["username"], async (data) => {
    await markAttendance(id, textOf(data, "username").trim().replace(/^@/, ""));
    form.current?.reset();
    toast(t("marked"), "good");
  });
  return (
    <details class="course-new">
      <summary>{t("attended")}</summary>
      <form class="stack" ref={form} onSubmit={submit} noValidate>
        <FormError text={errors["form"]} />
        <Field label={t("username")} name="username" hint={t("attendedHint")} error={errors["username"]}>
          {(ids) => <input {...ids} name="username" maxLength={31} dir="ltr" autocomplete="off" />}
        </Field>
        <button type="submit" class="button" disabled={busy}>
          {t("mark")}
        </button>
      </form>
    </details>
  );
}
