/** A document that several people write at once. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { Missing } from "../../ui/missing";
import { Empty, Loading, PageTitle, useTitle } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { deleteDocument, type Doc, getDocument } from "./calls";
import { Editor } from "./document-editor";
import { History } from "./document-history";
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
  if (!one) return <Loading />;
  const remove = (): void => {
    if (confirm(t("deleteDocumentSure"))) void attempt(() => deleteDocument(one.id).then(() => navigate(`/projects/${one.project_id}/documents`)));
  };
  return (
    <div class="page narrow projects">
      <a href={`/projects/${one.project_id}/documents`}>{t("documents")}</a>
      <PageTitle>
        <span dir="auto">{one.title}</span>
      </PageTitle>
      <Editor key={one.id} id={one.id} role={one.role} />
      <History id={one.id} mayRestore={one.role !== "viewer"} />
      {one.role !== "viewer" && (
        <button type="button" class="button" onClick={remove}>
          {t("deleteDocument")}
        </button>
      )}
    </div>
  );
}
