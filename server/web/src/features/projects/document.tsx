/** A document that several people write at once. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { listed } from "../../ui/format";
import { Missing } from "../../ui/missing";
import { Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { deleteDocument, type Doc, getDocument } from "./calls";
import { History } from "./document-history";
import { DocumentSync } from "./document-sync";
import { moved, write } from "./shared-text";
import { t } from "./words";
import "./projects.css";

export default function DocumentPage({ documentId }: { documentId: string }) {
  const [one, setOne] = useState<Doc | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(one?.title ?? t("documents"));
  useEffect(() => {
    if (!me.value) return navigate(loginPath(), true);
    getDocument(documentId).then(setOne, setFailure);
  }, [documentId, me.value?.id]);
  if (failure instanceof ApiError && failure.status === 404) return <Missing title={t("documentGone")} text={t("goneText")} />;
  if (failure) return <Empty title={sentence(failure)} />;
  if (!one) return <Spinner />;
  const remove = (): void => {
    if (confirm(t("deleteDocumentSure"))) void attempt(() => deleteDocument(one.id).then(() => navigate(`/projects/${one.project_id}/documents`)));
  };
  return (
    <div class="page narrow projects">
      <a href={`/projects/${one.project_id}/documents`}>{t("documents")}</a>
      <PageTitle>
        <span dir="auto">{one.title}</span>
      </PageTitle>
      <Editor key={one.id} id={one.id} />
      <History id={one.id} mayRestore={one.role !== "viewer"} />
      {one.role !== "viewer" && (
        <button type="button" class="button" onClick={remove}>
          {t("deleteDocument")}
        </button>
      )}
    </div>
  );
}

function Editor({ id }: { id: string }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const [sync, setSync] = useState<DocumentSync | null>(null);
  useEffect(() => {
    const made = new DocumentSync(id, me.value?.display_name ?? "");
    made.text.observe((event, transaction) => {
      const area = field.current;
      if (!area || transaction.local) return;
      const caret = [moved(area.selectionStart, event.delta), moved(area.selectionEnd, event.delta)] as const;
      area.value = made.text.toString();
      if (document.activeElement === area) area.setSelectionRange(...caret);
    });
    setSync(made);
    return () => made.close();
  }, [id]);
  const state = sync?.state.value ?? "opening";
  const names = sync?.people.value ?? [];
  return (
    <>
      <p class="document-state" role="status">
        {state === "refused" ? t("refused", { why: sync?.why.value ?? "" }) : state === "opening" ? "" : t(state)}
        {state === "saved" && !sync?.mayWrite.value && ` · ${t("readOnly")}`}
      </p>
      {names.length > 0 && <p class="muted">{t("here", { names: listed(names) })}</p>}
      <textarea
        ref={field}
        class="document-text"
        dir="auto"
        rows={20}
        aria-label={t("text")}
        readOnly={!sync?.mayWrite.value}
        onInput={(event) => sync && write(sync.text, event.currentTarget.value)}
      />
    </>
  );
}
