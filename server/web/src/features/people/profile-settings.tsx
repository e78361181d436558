import { useEffect, useRef, useState } from "preact/hooks";
import { me, reloadMe, updateMe } from "../../api/session";
import { errorsOf, focusFirstBad, type Errors } from "../../ui/forms";
import { Field } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { editMe } from "./calls";
import { PictureSettings } from "./picture-settings";
import { t } from "./words";

const text = (data: FormData, name: string): string => String(data.get(name) ?? "").trim();

export default function ProfileSettings() {
  const user = me.value;
  const form = useRef<HTMLFormElement>(null);
  const [errors, setErrors] = useState<Errors>({});
  const [busy, setBusy] = useState(false);
  useEffect(() => void reloadMe().catch(() => undefined), []);
  if (!user) return null;

  const save = async (data: FormData): Promise<void> => {
    setBusy(true);
    try {
      const born = text(data, "birth_date");
      const links = text(data, "links").split(/\s+/).filter(Boolean);
      updateMe(await editMe({ display_name: text(data, "display_name"), bio: text(data, "bio"), pronouns: text(data, "pronouns"), links, ...(born ? { birth_date: born } : {}) }));
      setErrors({});
      toast(t("saved"), "good");
    } catch (error) {
      setErrors(errorsOf(error, ["display_name", "bio", "pronouns", "links", "birth_date"]));
      focusFirstBad(form.current);
    } finally {
      setBusy(false);
    }
  };

  return (
    <>
      <PictureSettings />
      <form
        class="panel"
        ref={form}
        onSubmit={(event) => {
          event.preventDefault();
          void save(new FormData(event.currentTarget));
        }}
      >
        {errors["form"] && (
          <p class="form-error" role="alert" tabIndex={-1}>
            {errors["form"]}
          </p>
        )}
        <Field label={t("name")} name="display_name" error={errors["display_name"]}>
          {(ids) => <input {...ids} name="display_name" defaultValue={user.display_name} autocomplete="nickname" />}
        </Field>
        <Field label={t("pronouns")} name="pronouns" error={errors["pronouns"]}>
          {(ids) => <input {...ids} name="pronouns" dir="auto" maxLength={40} defaultValue={user.pronouns} />}
        </Field>
        <Field label={t("about")} name="bio" error={errors["bio"]}>
          {(ids) => <textarea {...ids} name="bio" rows={4} defaultValue={user.bio ?? ""} />}
        </Field>
        <Field label={t("links")} name="links" hint={t("linksHint")} error={errors["links"]}>
          {(ids) => <textarea {...ids} name="links" rows={3} dir="ltr" spellcheck={false} defaultValue={user.links.join("\n")} />}
        </Field>
        <Field label={t("birthDate")} name="birth_date" hint={t(user.birth_date ? "birthDateGiven" : "birthDateHint")} error={errors["birth_date"]}>
          {(ids) => <input {...ids} type="date" name="birth_date" defaultValue={user.birth_date ?? ""} readOnly={!!user.birth_date} autocomplete="bday" />}
        </Field>
        <div class="row">
          <button type="submit" class="button accent" disabled={busy}>
            {t("save")}
          </button>
          <a class="button" href={`/@${user.username}`}>
            {t("seePage")}
          </a>
        </div>
      </form>
    </>
  );
}
