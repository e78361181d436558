/** Who is the guardian of whom, and what they have decided. */
import { useEffect, useState } from "preact/hooks";
import { locale } from "../../i18n/language";
import { hear } from "../../realtime/socket";
import { Field } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { toast } from "../../ui/toasts";
import { acceptGuardian, declineGuardian, endGuardianship, getGuardians, type Guardianship, type Guardianships, putMinor } from "./calls";
import { minutesOf, secondsIn } from "./limits";
import { t } from "./words";

export function Guardians() {
  const [all, setAll] = useState<Guardianships | null>(null);
  const read = (): void => void getGuardians().then(setAll, () => undefined);
  useEffect(() => {
    read();
    return hear("wellbeing:guardian", read);
  }, []);
  if (!all) return null;
  return (
    <section class="stack" aria-labelledby="guardians">
      <h2 id="guardians">{t("guardians")}</h2>
      <p class="hint">{t("guardiansHint")}</p>
      {all.guardians.map((one) => (
        <Guard key={one.person.id} of={one} onChange={setAll} onGone={read} />
      ))}
      {all.minors.map((one) => (
        <Minor key={one.person.id} of={one} onChange={setAll} onGone={read} />
      ))}
      <Offer onChange={setAll} />
    </section>
  );
}

interface Shown {
  of: Guardianship;
  onChange: (all: Guardianships) => void;
  onGone: () => void;
}

const dayOf = (date: string): string => new Intl.DateTimeFormat(locale.value, { dateStyle: "long", timeZone: "UTC" }).format(new Date(`${date}T00:00:00Z`));

function decided(one: Guardianship): string {
  const parts = [
    one.daily_seconds && t("decidedDaily", { n: Math.round(one.daily_seconds / 60) }),
    one.break_seconds && t("decidedBreak", { n: Math.round(one.break_seconds / 60) }),
    one.quiet_hours && t("decidedQuiet", { start: one.quiet_hours.start, end: one.quiet_hours.end, zone: one.time_zone }),
  ].filter(Boolean);
  return parts.length ? parts.join(" · ") : t("decidedNothing");
}

/** Of the minor: an offer, or what holds. */
function Guard({ of: one, onChange, onGone }: Shown) {
  const name = one.person.display_name;
  return (
    <div class="panel stack">
      <p>{t(one.state === "accepted" ? "isGuardian" : "offersGuardian", { name })}</p>
      <p class="hint">{decided(one)}</p>
      {one.until && <p class="hint">{t("endsOn", { day: dayOf(one.until) })}</p>}
      {one.state === "invited" && (
        <div class="row">
          <button type="button" class="button accent" onClick={() => void attempt(() => acceptGuardian(one.person.username).then(onChange))}>
            {t("accept")}
          </button>
          <button type="button" class="button" onClick={() => void attempt(() => declineGuardian(one.person.username).then(onGone))}>
            {t("decline")}
          </button>
        </div>
      )}
    </div>
  );
}

function Minor({ of: one, onChange, onGone }: Shown) {
  return (
    <div class="panel stack">
      <p>{t(one.state === "accepted" ? "guardianOf" : "offeredTo", { name: one.person.display_name })}</p>
      <GuardForm of={one} username={one.person.username} onChange={onChange} />
      <button type="button" class="button" onClick={() => void attempt(() => endGuardianship(one.person.username).then(onGone))}>
        {t("endIt", { name: one.person.display_name })}
      </button>
    </div>
  );
}

function Offer({ onChange }: { onChange: (all: Guardianships) => void }) {
  return (
    <details class="panel">
      <summary>{t("offer")}</summary>
      <GuardForm of={null} username="" onChange={onChange} />
    </details>
  );
}

const FIELDS = ["username", "daily_seconds", "break_seconds", "quiet_hours.start", "quiet_hours.end"];

function GuardForm({ of: one, username, onChange }: { of: Guardianship | null; username: string; onChange: (all: Guardianships) => void }) {
  const { form, errors, busy, submit } = useSending(FIELDS, async (data) => {
    const [start, end] = [textOf(data, "start"), textOf(data, "end")];
    const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
    const quiet_hours = start && end ? { start, end } : null;
    const body = { daily_seconds: secondsIn(data, "daily_seconds"), break_seconds: secondsIn(data, "break_seconds"), quiet_hours, time_zone };
    onChange(await putMinor(username || textOf(data, "username").trim().replace(/^@/, ""), body));
    toast(t("saved"), "good");
  });
  return (
    <form class="stack" ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      {!username && (
        <Field label={t("minorName")} name="username" error={errors["username"]}>
          {(ids) => <input {...ids} name="username" dir="ltr" autocapitalize="none" autocomplete="off" maxLength={31} required />}
        </Field>
      )}
      <Field label={t("daily")} name="daily_seconds" hint={t("dailyHint")} error={errors["daily_seconds"]}>
        {(ids) => <input {...ids} name="daily_seconds" type="number" min={1} max={1440} defaultValue={minutesOf(one?.daily_seconds)} />}
      </Field>
      <Field label={t("pause")} name="break_seconds" hint={t("pauseHint")} error={errors["break_seconds"]}>
        {(ids) => <input {...ids} name="break_seconds" type="number" min={5} max={240} defaultValue={minutesOf(one?.break_seconds)} />}
      </Field>
      <div class="two">
        <Field label={t("quietFrom")} name="start" hint={t("closedHint")} error={errors["quiet_hours.start"]}>
          {(ids) => <input {...ids} name="start" type="time" defaultValue={one?.quiet_hours?.start ?? ""} />}
        </Field>
        <Field label={t("quietUntil")} name="end" error={errors["quiet_hours.end"]}>
          {(ids) => <input {...ids} name="end" type="time" defaultValue={one?.quiet_hours?.end ?? ""} />}
        </Field>
      </div>
      <button type="submit" class="button accent" disabled={busy}>
        {t(one ? "save" : "offerIt")}
      </button>
    </form>
  );
}
