/** What forms share that are sent to the server. */
import { useRef, useState } from "preact/hooks";
import { sentence } from "../api/http";
import { focusFirstBad, type Errors } from "./forms";
import { masked } from "./parts";
import { Submission } from "./submission";
import { toast } from "./toasts";

export const textOf = (data: FormData, name: string): string => String(data.get(name) ?? "");

/** Does what a button is for, and says how it went; without `done` nothing is said when it went well. */
export async function attempt(act: () => Promise<void>, done?: string): Promise<void> {
  try {
    await act();
    if (done) toast(done, "good");
  } catch (error) {
    toast(sentence(error), "bad");
  }
}

interface Sending {
  form: { current: HTMLFormElement | null };
  errors: Errors;
  busy: boolean;
  submit: (event: Event) => void;
}

/** `send` takes what was filled in; what the server says of the `known` fields stands beside them. */
export function useSending(known: string[], send: (data: FormData) => Promise<void>): Sending {
  const form = useRef<HTMLFormElement>(null);
  const [submission] = useState(() => new Submission());
  const run = async (data: FormData): Promise<void> => {
    if (await submission.send(() => send(data), known)) focusFirstBad(form.current);
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    if (form.current) void run(new FormData(form.current));
  };
  return { form, errors: submission.errors.value, busy: submission.busy.value, submit };
}

export function FormError({ text }: { text: string | undefined }) {
  return text ? (
    <p class="form-error" role="alert" tabIndex={-1}>
      {text}
    </p>
  ) : null;
}

export function Secret({ name, autocomplete, ...ids }: { name: string; autocomplete: string; id: string }) {
  return <input {...ids} name={name} {...masked(true)} autocomplete={autocomplete} required />;
}
