import { useEffect, useRef, useState } from "preact/hooks";
import { editMe } from "../api/calls";
import { me, reloadMe, signOut, updateMe } from "../api/session";
import { loginPath, navigate } from "../router";
import { Field, PageTitle, useTitle } from "../ui/parts";
import { chooseTheme, theme, type Theme } from "../ui/theme";
import { toast } from "../ui/toasts";
import { errorsOf, focusFirstBad } from "./account";

const THEMES: [Theme, string][] = [
  ["system", "Like this device"],
  ["light", "Light"],
  ["dark", "Dark"],
];

export function Settings() {
  useTitle("Settings");
  const user = me.value;
  const form = useRef<HTMLFormElement>(null);
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (!me.peek()) navigate(loginPath(), true);
    else void reloadMe().catch(() => undefined);
  }, []);
  if (!user) return null;

  const save = async (data: FormData): Promise<void> => {
    setBusy(true);
    try {
      const body = { display_name: String(data.get("display_name") ?? "").trim(), bio: String(data.get("bio") ?? "").trim() };
      updateMe(await editMe(body));
      setErrors({});
      toast("Saved.", "good");
    } catch (error) {
      setErrors(errorsOf(error, ["display_name", "bio"]));
      focusFirstBad(form.current);
    } finally {
      setBusy(false);
    }
  };
  const leave = async (): Promise<void> => {
    await signOut();
    navigate("/");
  };

  return (
    <div class="page narrow">
      <PageTitle>Settings</PageTitle>
      <form
        class="panel"
        ref={form}
        onSubmit={(event) => {
          event.preventDefault();
          void save(new FormData(event.currentTarget));
        }}
      >
        <h2>Profile</h2>
        {errors["form"] && (
          <p class="form-error" role="alert" tabIndex={-1}>
            {errors["form"]}
          </p>
        )}
        <Field label="Name" name="display_name" error={errors["display_name"]}>
          {(ids) => <input {...ids} name="display_name" defaultValue={user.display_name} autocomplete="nickname" />}
        </Field>
        <Field label="About you" name="bio" error={errors["bio"]}>
          {(ids) => <textarea {...ids} name="bio" rows={4} defaultValue={user.bio ?? ""} />}
        </Field>
        <div class="row">
          <button type="submit" class="button accent" disabled={busy}>
            Save
          </button>
          <a class="button" href={`/@${user.username}`}>
            See your page
          </a>
        </div>
      </form>
      <section class="panel" aria-labelledby="appearance">
        <h2 id="appearance">Appearance</h2>
        <fieldset class="choice choice-row">
          <legend class="visually-hidden">Colours</legend>
          {THEMES.map(([id, label]) => (
            <label key={id}>
              <input type="radio" name="theme" checked={theme.value === id} onChange={() => chooseTheme(id)} />
              <span>{label}</span>
            </label>
          ))}
        </fieldset>
      </section>
      <section class="panel" aria-labelledby="leave">
        <h2 id="leave">This device</h2>
        <p>Signed in as @{user.username}.</p>
        <button type="button" class="button danger" onClick={() => void leave()}>
          Sign out
        </button>
      </section>
    </div>
  );
}
