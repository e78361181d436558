/** The goals that the overlay shows. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { decimal } from "../../ui/format";
import { Field, Spinner } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { type Goal, myGoals, putGoal, removeGoal } from "./calls";
import { t } from "./words";

const KIND = "followers";

export default function GoalSettings() {
  const [goals, setGoals] = useState<Goal[] | null>(null);
  const load = async (): Promise<void> => setGoals((await myGoals()).items);
  useEffect(() => void load().catch((error: unknown) => toast(sentence(error), "bad")), []);
  if (!goals) return <Spinner />;
  const goal = goals.find(({ kind }) => kind === KIND);
  return <FollowersGoal key={goal?.set_at} goal={goal} onChange={load} />;
}

function FollowersGoal({ goal, onChange }: { goal: Goal | undefined; onChange: () => Promise<void> }) {
  const { form, errors, busy, submit } = useSending(["title", "target"], async (data) => {
    const target = Number(textOf(data, "target"));
    await putGoal(KIND, { title: textOf(data, "title").trim(), target, is_from_now: data.has("from_now") });
    toast(t("goalSet"), "good");
    await onChange();
  });
  const remove = (): Promise<void> => attempt(() => removeGoal(KIND).then(onChange), t("goalRemoved"));
  return (
    <form class="panel" ref={form} onSubmit={submit} noValidate aria-labelledby="goal-title">
      <h2 id="goal-title">{t("followersGoal")}</h2>
      <p class="dim">{t("goalText")}</p>
      {goal && <p>{t("reached", { current: decimal(goal.current, 0), target: decimal(goal.target, 0) })}</p>}
      <FormError text={errors["form"]} />
      <Field label={t("goalName")} name="title" error={errors["title"]}>
        {(ids) => <input {...ids} name="title" maxLength={60} defaultValue={goal?.title ?? ""} dir="auto" autocomplete="off" required />}
      </Field>
      <Field label={t("goalTarget")} name="target" error={errors["target"]}>
        {(ids) => <input {...ids} type="number" name="target" min={1} max={1_000_000_000} defaultValue={String(goal?.target ?? 100)} required />}
      </Field>
      <div class="choice">
        <label>
          <input type="checkbox" name="from_now" defaultChecked={goal?.is_from_now ?? false} /> <span>{t("fromNow")}</span>
        </label>
      </div>
      <div class="row">
        <button type="submit" class="button accent" disabled={busy}>
          {t("saveGoal")}
        </button>
        {goal && (
          <button type="button" class="button" onClick={() => void remove()}>
            {t("removeGoal")}
          </button>
        )}
      </div>
    </form>
  );
}
