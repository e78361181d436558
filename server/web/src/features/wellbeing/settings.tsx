/** What the person decides about their time, and their week. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { language, locale } from "../../i18n/language";
import { Empty, Field, Spinner } from "../../ui/parts";
import { FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { getReport, getWellbeing, putWellbeing, type Report, type Wellbeing } from "./calls";
import { Guardians } from "./guardians";
import { minutesOf, secondsIn } from "./limits";
import { t } from "./words";

const minutes = (seconds: number): number => Math.round(seconds / 60);

export default function WellbeingSettings() {
  const [one, setOne] = useState<Wellbeing | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => void getWellbeing().then(setOne, setFailure), []);
  if (failure) return <Empty title={sentence(failure)} />;
  if (!one) return <Spinner />;
  return (
    <div class="stack">
      <p class="hint">{t("intro")}</p>
      <p>{t("today", { minutes: minutes(one.seconds_today) })}</p>
      <Decisions of={one} onChange={setOne} />
      <Guardians />
      <Week />
    </div>
  );
}

function Decisions({ of: one, onChange }: { of: Wellbeing; onChange: (one: Wellbeing) => void }) {
  const { form, errors, busy, submit } = useSending(["daily_seconds", "break_seconds", "quiet_hours.start", "quiet_hours.end"], async (data) => {
    const [start, end] = [textOf(data, "start"), textOf(data, "end")];
    const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone || one.time_zone;
    const quiet_hours = start && end ? { start, end } : null;
    onChange(await putWellbeing({ daily_seconds: secondsIn(data, "daily_seconds"), break_seconds: secondsIn(data, "break_seconds"), quiet_hours, time_zone }));
    toast(t("saved"), "good");
  });
  return (
    <form class="stack panel" ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      <Field label={t("daily")} name="daily_seconds" hint={t("dailyHint")} error={errors["daily_seconds"]}>
        {(ids) => <input {...ids} name="daily_seconds" type="number" min={1} max={1440} defaultValue={minutesOf(one.daily_seconds)} />}
      </Field>
      <Field label={t("pause")} name="break_seconds" hint={t("pauseHint")} error={errors["break_seconds"]}>
        {(ids) => <input {...ids} name="break_seconds" type="number" min={5} max={240} defaultValue={minutesOf(one.break_seconds)} />}
      </Field>
      <div class="two">
        <Field label={t("quietFrom")} name="start" hint={t("quietHint")} error={errors["quiet_hours.start"]}>
          {(ids) => <input {...ids} name="start" type="time" defaultValue={one.quiet_hours?.start ?? ""} />}
        </Field>
        <Field label={t("quietUntil")} name="end" error={errors["quiet_hours.end"]}>
          {(ids) => <input {...ids} name="end" type="time" defaultValue={one.quiet_hours?.end ?? ""} />}
        </Field>
      </div>
      <button type="submit" class="button accent" disabled={busy}>
        {t("save")}
      </button>
    </form>
  );
}

/** The day before a date, as the server writes days. */
const dayBefore = (day: string): string => new Date(Date.parse(`${day}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);

function Week() {
  const [week, setWeek] = useState("");
  const [report, setReport] = useState<Report | null>(null);
  useEffect(() => void getReport(week).then(setReport, () => setReport(null)), [week]);
  if (!report) return null;
  const name = new Intl.DateTimeFormat(locale.value, { weekday: "long", day: "numeric", month: "short", timeZone: "UTC" });
  return (
    <section class="stack" key={language.value}>
      <h2>{t("week")}</h2>
      <p>{t("total", { minutes: minutes(report.screen_seconds), watched: minutes(report.watched_seconds) })}</p>
      <table class="wellbeing-week">
        <thead>
          <tr>
            <th scope="col">{t("day")}</th>
            <th scope="col">{t("minutes")}</th>
            <th scope="col">{t("watching")}</th>
          </tr>
        </thead>
        <tbody>
          {report.days.map((one) => (
            <tr key={one.day}>
              <th scope="row">{name.format(new Date(`${one.day}T00:00:00Z`))}</th>
              <td>
                {minutes(one.screen_seconds)} {one.is_over && <span class="badge">{t("over")}</span>}
              </td>
              <td>{minutes(one.watched_seconds)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {report.watched.length > 0 && <h3>{t("watched")}</h3>}
      <ul>
        {report.watched.map((one) => (
          <li key={one.stream_id}>
            <a href={`/watch/${one.stream_id}`} dir="auto">
              {one.title}
            </a>{" "}
            {minutes(one.seconds)}
          </li>
        ))}
      </ul>
      <button type="button" class="button" onClick={() => setWeek(dayBefore(report.begins))}>
        {t("before")}
      </button>
    </section>
  );
}
