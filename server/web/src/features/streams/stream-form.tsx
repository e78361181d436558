/** Title, category, tags and description of a broadcast. */
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Stream } from "../../api/types";
import { errorsOf, focusFirstBad } from "../../ui/forms";
import { Field } from "../../ui/parts";
import { tagsOf } from "./tags";
import { t } from "./words";

export interface StreamDetails {
  title: string;
  description: string;
  category: string;
  tags: string[];
}

interface Props {
  initial?: Partial<Pick<Stream, "title" | "description" | "category" | "tags">>;
  action: ComponentChildren;
  /** Throws ApiError; its field errors are shown in place. */
  onSubmit: (details: StreamDetails) => Promise<void>;
  /** What has to be done before it can be submitted; null when nothing has. */
  waitsFor?: string | null;
  extra?: ComponentChildren;
}

const CATEGORIES = ["music", "games", "talk", "art", "learning", "sport", "travel", "food", "making", "other"] as const;

function detailsOf(data: FormData): StreamDetails {
  const text = (name: string): string => String(data.get(name) ?? "").trim();
  return { title: text("title"), description: text("description"), category: text("category"), tags: tagsOf(text("tags")) };
}

export function StreamForm({ initial = {}, action, onSubmit, waitsFor = null, extra }: Props) {
  const form = useRef<HTMLFormElement>(null);
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);

  const submit = async (data: FormData): Promise<void> => {
    const details = detailsOf(data);
    if (!details.title) {
      setErrors({ title: t("titleMissing") });
      return focusFirstBad(form.current);
    }
    setBusy(true);
    try {
      await onSubmit(details);
      setErrors({});
    } catch (error) {
      setErrors(errorsOf(error, ["title", "description", "category", "tags"]));
      focusFirstBad(form.current);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form
      class="stream-form"
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void submit(new FormData(event.currentTarget));
      }}
    >
      {errors["form"] && (
        <p class="form-error" role="alert" tabIndex={-1}>
          {errors["form"]}
        </p>
      )}
      <Field label={t("title")} name="title" error={errors["title"]}>
        {(ids) => (
          <input {...ids} name="title" defaultValue={initial.title ?? ""} placeholder={t("titlePlaceholder")} autocomplete="off" required />
        )}
      </Field>
      <div class="two">
        <Field label={t("category")} name="category" error={errors["category"]}>
          {(ids) => <input {...ids} name="category" list="categories" defaultValue={initial.category ?? ""} autocomplete="off" />}
        </Field>
        <Field label={t("tags")} name="tags" error={errors["tags"]}>
          {(ids) => (
            <input {...ids} name="tags" defaultValue={(initial.tags ?? []).join(" ")} placeholder={t("tagsPlaceholder")} autocomplete="off" />
          )}
        </Field>
      </div>
      <datalist id="categories">
        {CATEGORIES.map((name) => (
          <option key={name} value={t(name)} />
        ))}
      </datalist>
      <Field label={t("description")} name="description" error={errors["description"]}>
        {(ids) => <textarea {...ids} name="description" rows={3} defaultValue={initial.description ?? ""} />}
      </Field>
      <div class="row">
        <button type="submit" class="button accent large" disabled={busy || waitsFor !== null} aria-describedby="stream-form-waits">
          {action}
        </button>
        {extra}
      </div>
      <p class="hint" id="stream-form-waits" role="status">
        {waitsFor}
      </p>
    </form>
  );
}
