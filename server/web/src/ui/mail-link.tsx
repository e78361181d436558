/** The page of a link in a mail: does what its token stands for once the person says so, or tells that the link is void. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ApiError } from "../api/http";
import { Logo } from "./icons";
import { PageTitle, useTitle } from "./parts";
import { FormError, useSending } from "./sending";

export type LinkState = "asked" | "done" | "void";

type Props = {
  titles: Record<LinkState, string>;
  texts: Record<LinkState, string>;
  button: string;
  token: string;
  carryOut: (token: string) => Promise<void>;
  /** Why the link is void, by the refusal; undefined for one that is of no link. */
  whyVoid: (refusal: ApiError) => string | undefined;
  /** The way on from here. */
  onward: (state: LinkState) => ComponentChildren;
};

export function MailLink({ titles, texts, button, token, carryOut, whyVoid, onward }: Props) {
  useTitle(titles.asked);
  const [state, setState] = useState<LinkState>(token ? "asked" : "void");
  const [why, setWhy] = useState(texts.void);
  const { form, errors, busy, submit } = useSending([], async () => {
    try {
      await carryOut(token);
      setState("done");
    } catch (error) {
      const reason = error instanceof ApiError ? whyVoid(error) : undefined;
      if (reason === undefined) throw error;
      setWhy(reason);
      setState("void");
    }
  });
  return (
    <div class="page centred">
      <form class="panel account" ref={form} onSubmit={submit} noValidate>
        <Logo />
        <PageTitle>{titles[state]}</PageTitle>
        <FormError text={errors["form"]} />
        {state === "asked" && <p>{texts.asked}</p>}
        {state === "asked" && (
          <button type="submit" class="button accent large" disabled={busy}>
            {button}
          </button>
        )}
        {state === "done" && <p role="status">{texts.done}</p>}
        {state === "void" && <p role="alert">{why}</p>}
        {onward(state)}
      </form>
    </div>
  );
}
