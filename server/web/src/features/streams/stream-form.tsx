/** Title, category, tags and description of a broadcast. */
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Stream } from "../../api/types";
import { errorsOf, focusFirstBad } from "../../ui/forms";
import { Field, masked } from "../../ui/parts";
import { tagsOf } from "./tags";
import { t } from "./words";

type Visibility = Stream["visibility"];

export interface StreamDetails {
  title: string;
  description: string;
  category: string;
  tags: string[];
  visibility: Visibility;
  password?: string;
}

interface Props {
  initial?: Partial<Pick<Stream, "title" | "description" | "category" | "tags" | "visibility">>;
  action: ComponentChildren;
  /** Throws ApiError; its field errors are shown in place. */
  onSubmit: (details: StreamDetails) => Promise<void>;
  /** What has to be done before it can be submitted; null when nothing has. */
  waitsFor?: string | null;
  extra?: ComponentChildren;
}

const CATEGORIES = ["music", "games", "talk", "art", "learning", "sport", "travel", "food", "making", "other"] as const;

const VISIBILITIES = { public: "forAll", followers: "forFollowers", password: "withPassword" } as const;
const OTHERS = { unlisted: "unlisted", private: "private" } as const;

function detailsOf(data: FormData): StreamDetails {
  const text = (name: string): string => String(data.get(name) ?? "").trim();
  const visibility = text("visibility") as Visibility;
  const password = visibility === "password" && String(data.get("password") ?? "");
  return {
    title: text("title"),
    description: text("description"),
    category: text("category"),
    tags: tagsOf(text("tags")),
    visibility,
    ...(password ? { password } : {}),
  };
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
      setErrors(errorsOf(error, ["title", "description", "category", "tags", "visibility", "password"]));
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
      <WhoMaySee initial={initial.visibility ?? "public"} errors={errors} />
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

/** A visibility that is not offered stays what it is unless another one is chosen. */
function WhoMaySee({ initial, errors }: { initial: Visibility; errors: Record<string, string> }) {
  const [chosen, setChosen] = useState<Visibility>(initial);
  const kept = initial === "unlisted" || initial === "private" ? { [initial]: OTHERS[initial] } : {};
  return (
    <div class="two">
      <Field label={t("whoMaySee")} name="visibility" error={errors["visibility"]}>
        {(ids) => (
          <select {...ids} name="visibility" value={chosen} onChange={(event) => setChosen(event.currentTarget.value as Visibility)}>
            {Object.entries({ ...VISIBILITIES, ...kept }).map(([value, label]) => (
              <option key={value} value={value}>
                {t(label)}
              </option>
            ))}
          </select>
        )}
      </Field>
      {chosen === "password" && (
        <Field
          label={t("password")}
          name="password"
          error={errors["password"]}
          {...(initial === "password" ? { hint: t("passwordKept") } : {})}
        >
          {(ids) => <input {...ids} name="password" {...masked(true)} maxLength={128} autocomplete="off" />}
        </Field>
      )}
    </div>
  );
}
