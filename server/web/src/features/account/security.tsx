/** The settings of how one signs in: the address, the password, and the devices that are signed in. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me, reloadMe, renewToken } from "../../api/session";
import type { Me } from "../../api/types";
import { ago, when } from "../../ui/format";
import { Field, Spinner } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { FactorPanels } from "../factors/panels";
import { proved } from "../factors/reauthentication";
import { changeEmail, changePassword, endDevice, endOthers, listDevices, resend, type Device } from "./calls";
import { attempt, FormError, Secret, textOf, useSending } from "../../ui/sending";
import { Password } from "../people/account-form";
import { t } from "./words";
import "./account.css";

export default function Security() {
  const user = me.value;
  useEffect(() => void reloadMe().catch(() => undefined), []);
  if (!user) return null;
  // Until it is changed the server answers nothing else.
  if (user.must_change_password) return <PasswordPanel user={user} />;
  return (
    <div class="security">
      <PasswordPanel user={user} />
      <Address user={user} />
      <FactorPanels />
      <Devices />
    </div>
  );
}

function PasswordPanel({ user }: { user: Me }) {
  const { form, errors, busy, submit } = useSending(["password", "new_password"], async (data) => {
    const old = user.has_password ? textOf(data, "password") : null;
    await proved(() => changePassword(old, textOf(data, "new_password")));
    form.current?.reset();
    toast(t("passwordChanged"), "good");
    await renewToken();
    await reloadMe();
  });
  const title = user.has_password ? t("changePassword") : t("choosePassword");
  return (
    <form class="panel" ref={form} onSubmit={submit} noValidate aria-label={title}>
      <h2>{title}</h2>
      {!user.has_password && <p class="dim">{t("withoutPassword")}</p>}
      {user.must_change_password && (
        <p class="form-error" role="alert">
          {t("mustChange")}
        </p>
      )}
      <FormError text={errors["form"]} />
      <input class="visually-hidden" autocomplete="username" value={user.username} readOnly tabIndex={-1} aria-hidden="true" />
      {user.has_password && (
        <Field label={t("oldPassword")} name="password" error={errors["password"]}>
          {(ids) => <Secret {...ids} name="password" autocomplete="current-password" />}
        </Field>
      )}
      <Field label={t("newPassword")} name="new_password" error={errors["new_password"]} hint={t("passwordHint")}>
        {(ids) => <Password {...ids} name="new_password" autocomplete="new-password" />}
      </Field>
      <button type="submit" class="button accent" disabled={busy}>
        {title}
      </button>
    </form>
  );
}

function Address({ user }: { user: Me }) {
  const { form, errors, busy, submit } = useSending(["email"], async (data) => {
    const password = user.has_password ? textOf(data, "address_password") : null;
    await proved(() => changeEmail(password, textOf(data, "email").trim()));
    form.current?.reset();
    toast(t("addressChanges"), "good");
  });
  const shown = { email: <bdi>{user.email}</bdi> };
  return (
    <form class="panel" ref={form} onSubmit={submit} noValidate aria-label={t("address")}>
      <h2>{t("address")}</h2>
      <p>{user.email_verified ? t.rich("addressVerified", shown) : t.rich("addressNotVerified", shown)}</p>
      {!user.email_verified && (
        <button type="button" class="button" onClick={() => void attempt(resend, t("mailSent"))}>
          {t("sendAgain")}
        </button>
      )}
      <FormError text={errors["form"]} />
      <Field label={t("newAddress")} name="email" error={errors["email"]}>
        {(ids) => <input {...ids} name="email" type="email" dir="ltr" autocomplete="email" required />}
      </Field>
      {user.has_password && (
        <Field label={t("currentPassword")} name="address_password">
          {(ids) => <Secret {...ids} name="address_password" autocomplete="current-password" />}
        </Field>
      )}
      <button type="submit" class="button" disabled={busy}>
        {t("changeAddress")}
      </button>
    </form>
  );
}

function Devices() {
  const [devices, setDevices] = useState<Device[] | null>(null);
  const load = async (): Promise<void> => setDevices((await listDevices()).items);
  useEffect(() => void load().catch((error: unknown) => toast(sentence(error), "bad")), []);
  const end = (device: Device): Promise<void> => attempt(() => endDevice(device.id).then(load), t("signedOut"));
  return (
    <section class="panel" aria-labelledby="devices">
      <h2 id="devices">{t("devices")}</h2>
      <p class="dim">{t("devicesText")}</p>
      {!devices && <Spinner />}
      <ul class="device-list">
        {devices?.map((device) => (
          <li key={device.id}>
            <DeviceRow device={device} onEnd={() => void end(device)} />
          </li>
        ))}
      </ul>
      {devices && devices.length > 1 && (
        <button type="button" class="button danger" onClick={() => void attempt(() => endOthers().then(load), t("othersSignedOut"))}>
          {t("signOutOthers")}
        </button>
      )}
    </section>
  );
}

function DeviceRow({ device, onEnd }: { device: Device; onEnd: () => void }) {
  const name = device.device || device.user_agent || t("unknownDevice");
  return (
    <>
      <div>
        <strong>
          <bdi>{name}</bdi>
        </strong>{" "}
        {device.current && <span class="badge">{t("thisDevice")}</span>}
        <p class="dim" title={when(device.last_seen_at)}>
          {t.rich("lastSeen", { ip: <bdi>{device.ip}</bdi>, ago: ago(device.last_seen_at) })}
        </p>
      </div>
      {!device.current && (
        <button type="button" class="button" aria-label={t("signOutIt", { device: name })} onClick={onEnd}>
          {t("signOutDevice")}
        </button>
      )}
    </>
  );
}
