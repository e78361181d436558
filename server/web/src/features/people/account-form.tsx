/** What the forms of signing in and signing up share. */
import { useEffect, useRef, useState } from "preact/hooks";
import { me } from "../../api/session";
import { navigate, returnPath } from "../../router";
import { errorsOf, focusFirstBad, type Errors } from "../../ui/forms";
import { EyeIcon, EyeOffIcon } from "../../ui/icons";
import { masked } from "../../ui/parts";
import { t } from "./words";

export function Password({ name, autocomplete, ...ids }: { name: string; autocomplete: string; id: string }) {
  const [shown, setShown] = useState(false);
  return (
    <span class="with-button">
      <input {...ids} name={name} {...masked(!shown)} autocomplete={autocomplete} required />
      <button
        type="button"
        class="icon-button"
        aria-label={shown ? t("hidePassword") : t("showPassword")}
        aria-pressed={shown}
        onClick={() => setShown(!shown)}
      >
        {shown ? <EyeOffIcon /> : <EyeIcon />}
      </button>
    </span>
  );
}

export const text = (data: FormData, name: string): string => String(data.get(name) ?? "").trim();

interface FormState {
  form: { current: HTMLFormElement | null };
  errors: Errors;
  busy: boolean;
  submit: (event: Event) => void;
}

export function useForm(known: string[], send: (data: FormData) => Promise<void>): FormState {
  const form = useRef<HTMLFormElement>(null);
  const [errors, setErrors] = useState<Errors>({});
  const [busy, setBusy] = useState(false);
  const run = async (data: FormData): Promise<void> => {
    setBusy(true);
    try {
      await send(data);
      navigate(returnPath(), true);
    } catch (error) {
      setErrors(errorsOf(error, known));
      focusFirstBad(form.current);
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    if (form.current && !busy) void run(new FormData(form.current));
  };
  return { form, errors, busy, submit };
}

export function FormError({ text: words }: { text: string | undefined }) {
  return words ? (
    <p class="form-error" role="alert" tabIndex={-1}>
      {words}
    </p>
  ) : null;
}

/** Who is signed in already has nothing to do here. */
export function useAway(): void {
  useEffect(() => {
    if (me.peek()) navigate(returnPath(), true);
  }, []);
}

export const withNext = (path: string): string => path + location.search;
