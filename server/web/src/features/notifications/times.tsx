/** Quiet hours, the time zone, digests and strangers. */
import { Field } from "../../ui/parts";
import type { Settings } from "./settings";
import { t } from "./words";

type Some = Partial<Pick<Settings, "quiet_hours" | "time_zone" | "digest" | "strangers">>;

interface TimesProps {
  settings: Settings;
  onChange: (some: Some) => void;
}

const NIGHT = { start: "22:00", end: "07:00" };
const digests = () => ({ off: t("digestOff"), daily: t("digestDaily"), weekly: t("digestWeekly") });
const strangers = () => ({ notify: t("strangersNotify"), requests: t("strangersRequests") });

const zones = (): string[] => [...new Set(["UTC", ...(Intl.supportedValuesOf?.("timeZone") ?? [])])];
const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

export function Times({ settings, onChange }: TimesProps) {
  return (
    <>
      <QuietHours settings={settings} onChange={onChange} />
      <Choice name="digest" title={t("digest")} words={digests()} chosen={settings.digest} onChange={(digest) => onChange({ digest, ...zoneOf(settings) })} />
      <Choice name="strangers" title={t("strangers")} words={strangers()} chosen={settings.strangers} onChange={(wanted) => onChange({ strangers: wanted })} />
    </>
  );
}

/** Who has not said where they are is where their browser is. */
const zoneOf = (settings: Settings): Some => (settings.time_zone === "UTC" ? { time_zone: ownZone() } : {});

function QuietHours({ settings, onChange }: TimesProps) {
  const hours = settings.quiet_hours;
  const listed = zones();
  if (!listed.includes(settings.time_zone)) listed.push(settings.time_zone);
  return (
    <fieldset class="panel choice">
      <legend>{t("quietHours")}</legend>
      <label>
        <input type="checkbox" checked={hours !== null} onChange={(event) => onChange({ quiet_hours: event.currentTarget.checked ? NIGHT : null, ...zoneOf(settings) })} />
        <span>{t("quietOn")}</span>
      </label>
      <div class="notification-times">
        {hours && <Clock name="start" label={t("quietFrom")} value={hours.start} onChange={(start) => onChange({ quiet_hours: { ...hours, start } })} />}
        {hours && <Clock name="end" label={t("quietUntil")} value={hours.end} onChange={(end) => onChange({ quiet_hours: { ...hours, end } })} />}
        <Field label={t("timeZone")} name="time-zone">
          {(ids) => (
            <select {...ids} value={settings.time_zone} dir="ltr" onChange={(event) => onChange({ time_zone: event.currentTarget.value })}>
              {listed.map((zone) => (
                <option key={zone}>{zone}</option>
              ))}
            </select>
          )}
        </Field>
      </div>
    </fieldset>
  );
}

interface ClockProps {
  name: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
}

const Clock = ({ name, label, value, onChange }: ClockProps) => (
  <Field label={label} name={`quiet-${name}`}>
    {(ids) => <input {...ids} type="time" value={value} required onChange={({ currentTarget: { value: given } }) => given && onChange(given.slice(0, 5))} />}
  </Field>
);

interface ChoiceProps<V extends string> {
  name: string;
  title: string;
  words: Readonly<Record<V, string>>;
  chosen: V;
  onChange: (value: V) => void;
}

function Choice<V extends string>({ name, title, words, chosen, onChange }: ChoiceProps<V>) {
  return (
    <fieldset class="panel choice">
      <legend>{title}</legend>
      {(Object.keys(words) as V[]).map((value) => (
        <label key={value}>
          <input type="radio" name={name} checked={chosen === value} onChange={() => onChange(value)} />
          <span>{words[value]}</span>
        </label>
      ))}
    </fieldset>
  );
}
