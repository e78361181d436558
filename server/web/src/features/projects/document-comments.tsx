/** What is said about a document: threads, each at its place in the text. */
import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { when } from "../../ui/format";
import { Field } from "../../ui/parts";
import { attempt, FormError, textOf, useSending } from "../../ui/sending";
import { commentsOn, deleteComment, makeComment, replyTo, resolveComment, type Role, type Thread } from "./calls";
import type { DocumentSync } from "./document-sync";
import { positionAt, rangeOf } from "./places";
import { t } from "./words";

const MAX_QUOTE = 500;

interface CommentsProps {
  id: string;
  role: Role;
  sync: DocumentSync;
  field: RefObject<HTMLTextAreaElement | null>;
  threads: Thread[];
  setThreads: (threads: Thread[]) => void;
}

export function Comments({ id, role, sync, field, threads, setThreads }: CommentsProps) {
  const [resolved, setResolved] = useState(false);
  const read = async (): Promise<void> => setThreads(await commentsOn(id, resolved));
  useEffect(() => void attempt(read), [id, resolved, sync.comments.value]);
  const show = (one: Thread): void => {
    const range = rangeOf(sync.doc, one.place);
    field.current?.focus();
    if (range) field.current?.setSelectionRange(range.start, range.end);
  };
  return (
    <section class="document-comments" aria-labelledby="comments">
      <h2 id="comments">{t("comments")}</h2>
      <label class="check">
        <input type="checkbox" checked={resolved} onChange={(event) => setResolved(event.currentTarget.checked)} />
        {t("showResolved")}
      </label>
      {threads.length === 0 && <p class="muted">{t(resolved ? "noneResolved" : "noComments")}</p>}
      <ol class="project-list">
        {threads.map((one) => (
          <li key={one.id} class="document-thread">
            {one.quote && (
              <button type="button" class="document-quote" onClick={() => show(one)} title={t("showPlace")} dir="auto">
                {one.quote}
              </button>
            )}
            <Remark id={id} of={one} role={role} changed={read} />
            {one.replies.map((reply) => (
              <Remark key={reply.id} id={id} of={reply} role={role} changed={read} />
            ))}
            {role !== "viewer" && <Answering id={id} thread={one} changed={read} />}
          </li>
        ))}
      </ol>
      {role !== "viewer" && <NewThread id={id} sync={sync} field={field} changed={read} />}
    </section>
  );
}

interface RemarkProps {
  id: string;
  of: Pick<Thread, "id" | "author" | "text" | "created_at">;
  role: Role;
  changed: () => Promise<void>;
}

function Remark({ id, of, role, changed }: RemarkProps) {
  const isMine = of.author?.username === me.value?.username;
  const name = of.author?.display_name ?? t("formerMember");
  const remove = (): void => {
    if (confirm(t("deleteCommentSure"))) void attempt(() => deleteComment(id, of.id).then(changed));
  };
  return (
    <article>
      <p class="muted">
        <bdi>{name}</bdi> · {when(of.created_at)}
      </p>
      <p class="document-remark" dir="auto">
        {of.text}
      </p>
      {(isMine || role === "owner") && (
        <button type="button" class="button small" onClick={remove} aria-label={t("deleteCommentOf", { name })}>
          {t("deleteComment")}
        </button>
      )}
    </article>
  );
}

function Answering({ id, thread, changed }: { id: string; thread: Thread; changed: () => Promise<void> }) {
  const isResolved = thread.resolved_at !== null;
  const { form, errors, busy, submit } = useSending(["text"], async (data) => {
    await replyTo(id, thread.id, textOf(data, "text"));
    form.current?.reset();
    await changed();
  });
  return (
    <form class="document-answer" ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      <Field label={t("answer")} name={`answer-${thread.id}`} error={errors["text"]}>
        {(ids) => <input {...ids} name="text" maxLength={2000} dir="auto" autocomplete="off" />}
      </Field>
      <button type="submit" class="button" disabled={busy}>
        {t("send")}
      </button>
      <button type="button" class="button" onClick={() => void attempt(() => resolveComment(id, thread.id, !isResolved).then(changed))}>
        {t(isResolved ? "reopen" : "resolve")}
      </button>
    </form>
  );
}

/** About what is selected in the text; about all of it when nothing is. */
function NewThread({ id, sync, field, changed }: Pick<CommentsProps, "id" | "sync" | "field"> & { changed: () => Promise<void> }) {
  const { form, errors, busy, submit } = useSending(["text"], async (data) => {
    const [start, end] = [field.current?.selectionStart ?? 0, field.current?.selectionEnd ?? 0];
    const place = start < end ? { start: positionAt(sync.text, start), end: positionAt(sync.text, end) } : null;
    const quote = sync.text.toString().slice(start, end);
    await makeComment(id, { text: textOf(data, "text"), quote: [...quote].slice(0, MAX_QUOTE).join(""), place });
    form.current?.reset();
    await changed();
  });
  return (
    <form class="stack project-form" ref={form} onSubmit={submit} noValidate>
      <FormError text={errors["form"]} />
      <Field label={t("newComment")} name="text" error={errors["text"]} hint={t("newCommentHint")}>
        {(ids) => <textarea {...ids} name="text" rows={2} maxLength={2000} dir="auto" />}
      </Field>
      <button type="submit" class="button" disabled={busy}>
        {t("comment")}
      </button>
    </form>
  );
}
