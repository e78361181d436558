/** Sign in and sign up. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, sentence } from "../api/http";
import { me, register, signIn } from "../api/session";
import { navigate, returnPath } from "../router";
import { fieldWords } from "../ui/field-words";
import { EyeIcon, EyeOffIcon, Logo } from "../ui/icons";
import { Field, masked, PageTitle, useTitle } from "../ui/parts";

type Errors = Record<string, string>;

/** Field errors by the known part of their path, and one sentence for what belongs to no field. */
export function errorsOf(error: unknown, known: string[]): Errors {
  if (!(error instanceof ApiError) || !error.fields.length) return { form: sentence(error) };
  const found: Errors = {};
  for (const { field, message } of error.fields) {
    const parts = field.split(".");
    const key = parts.find((part) => known.includes(part)) ?? "form";
    const words = fieldWords(key === "form" ? (parts.at(-1) ?? "") : key, message);
    found[key] = found[key] && found[key] !== words ? `${found[key]} ${words}` : words;
  }
  return found;
}

/** After a refusal the focus goes to the first field that is wrong. */
export function focusFirstBad(form: HTMLFormElement | null): void {
  requestAnimationFrame(() => form?.querySelector<HTMLElement>("[aria-invalid=true], .form-error")?.focus());
}

function Password({ name, autocomplete, ...ids }: { name: string; autocomplete: string; id: string }) {
  const [shown, setShown] = useState(false);
  return (
    <span class="with-button">
      <input {...ids} name={name} {...masked(!shown)} autocomplete={autocomplete} required />
      <button
        type="button"
        class="icon-button"
        aria-label={shown ? "Hide the password" : "Show the password"}
        aria-pressed={shown}
        onClick={() => setShown(!shown)}
      >
        {shown ? <EyeOffIcon /> : <EyeIcon />}
      </button>
    </span>
  );
}

const text = (data: FormData, name: string): string => String(data.get(name) ?? "").trim();

interface FormState {
  form: { current: HTMLFormElement | null };
  errors: Errors;
  busy: boolean;
  submit: (event: Event) => void;
}

function useForm(known: string[], send: (data: FormData) => Promise<void>): FormState {
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

function FormError({ text: words }: { text: string | undefined }) {
  return words ? (
    <p class="form-error" role="alert" tabIndex={-1}>
      {words}
    </p>
  ) : null;
}

/** Who is signed in already has nothing to do here. */
function useAway(): void {
  useEffect(() => {
    if (me.peek()) navigate(returnPath(), true);
  }, []);
}

const withNext = (path: string): string => path + location.search;

export function Login() {
  useTitle("Sign in");
  useAway();
  const [needsCode, setNeedsCode] = useState(false);
  const { form, errors, busy, submit } = useForm(["login", "password", "totp"], async (data) => {
    try {
      await signIn(text(data, "login"), String(data.get("password") ?? ""), text(data, "totp") || undefined);
    } catch (error) {
      if (error instanceof ApiError && error.type.endsWith("totp-required")) {
        setNeedsCode(true);
        if (!data.get("totp")) throw new ApiError(401, { title: "Now the code of your authenticator app." });
      }
      throw error;
    }
  });
  return (
    <div class="page centred">
      <form class="panel account" ref={form} onSubmit={submit} noValidate>
        <Logo />
        <PageTitle>Welcome back</PageTitle>
        <FormError text={errors["form"]} />
        <Field label="Username or e-mail" name="login" error={errors["login"]}>
          {(ids) => <input {...ids} name="login" autocomplete="username" autocapitalize="none" spellcheck={false} required />}
        </Field>
        <Field label="Password" name="password" error={errors["password"]}>
          {(ids) => <Password {...ids} name="password" autocomplete="current-password" />}
        </Field>
        {needsCode && (
          <Field label="Code from your app" name="totp" error={errors["totp"]}>
            {(ids) => <input {...ids} name="totp" inputmode="numeric" autocomplete="one-time-code" />}
          </Field>
        )}
        <button type="submit" class="button accent large" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
        <p class="account-other">
          New here? <a href={withNext("/register")}>Make an account</a>
        </p>
      </form>
    </div>
  );
}

export function Register() {
  useTitle("Sign up");
  useAway();
  const { form, errors, busy, submit } = useForm(["username", "email", "password"], (data) =>
    register(text(data, "username"), text(data, "email"), String(data.get("password") ?? "")),
  );
  return (
    <div class="page centred">
      <form class="panel account" ref={form} onSubmit={submit} noValidate>
        <Logo />
        <PageTitle>Join the flow</PageTitle>
        <FormError text={errors["form"]} />
        <Field label="Username" name="username" error={errors["username"]} hint="Your address here will be /@username.">
          {(ids) => <input {...ids} name="username" autocomplete="username" autocapitalize="none" spellcheck={false} required />}
        </Field>
        <Field label="E-mail" name="email" error={errors["email"]}>
          {(ids) => <input {...ids} name="email" type="email" autocomplete="email" required />}
        </Field>
        <Field label="Password" name="password" error={errors["password"]} hint="Eight characters or more. A long sentence is better than a short riddle.">
          {(ids) => <Password {...ids} name="password" autocomplete="new-password" />}
        </Field>
        <button type="submit" class="button accent large" disabled={busy}>
          {busy ? "Making your account…" : "Make an account"}
        </button>
        <p class="account-other">
          Been here before? <a href={withNext("/login")}>Sign in</a>
        </p>
      </form>
    </div>
  );
}
