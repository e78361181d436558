/** The object store as operators see it: what there is, which rules hold, and what would be removed. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { ago, bytes, count, when } from "../../ui/format";
import { usePages } from "../../ui/pages";
import { Empty, Spinner } from "../../ui/parts";
import { Scroll } from "../../ui/scroll";
import { getObjects, listLeftovers, lookThrough, type Leftover, type Objects } from "./calls";
import { t } from "./words";
import "./objects.css";

export default function ObjectsPage() {
  const [objects, setObjects] = useState<Objects | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => void getObjects().then(setObjects, setFailure), []);
  if (failure instanceof ApiError && failure.status === 403) {
    return (
      <Empty title={t("forOperators")}>
        <p>{t("noLeave")}</p>
      </Empty>
    );
  }
  if (!objects) return failure ? <p role="alert">{sentence(failure)}</p> : <Spinner />;
  return (
    <div class="objects">
      <Head objects={objects} />
      {objects.kinds.length > 0 && <Kinds objects={objects} />}
      <Rules objects={objects} />
      <LeftoverList objects={objects} />
    </div>
  );
}

function Head({ objects }: { objects: Objects }) {
  const [said, setSaid] = useState("");
  const look = (): void => void lookThrough().then(() => setSaid(t("lookQueued")), (error: unknown) => setSaid(sentence(error)));
  const last = objects.scanned_at ? t("looked", { when: ago(objects.scanned_at) }) : t("neverLooked");
  return (
    <header class="objects-head">
      <p role="status">{said || last}</p>
      <button type="button" class="button" onClick={look}>
        {t("look")}
      </button>
    </header>
  );
}

function Kinds({ objects }: { objects: Objects }) {
  return (
    <section>
      <h2>{t("kinds")}</h2>
      <Scroll label={t("kinds")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("kind")}</th>
              <th scope="col">{t("objects")}</th>
              <th scope="col">{t("size")}</th>
            </tr>
          </thead>
          <tbody>
            {objects.kinds.map((one) => (
              <tr key={one.kind}>
                <th scope="row">
                  <code dir="ltr">{one.kind}</code>
                </th>
                <td>{count(one.objects)}</td>
                <td>{bytes(one.bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function Rules({ objects }: { objects: Objects }) {
  const kept = objects.store === "files" ? t("files") : objects.written ? t("written") : t("carried");
  return (
    <section>
      <h2>{t("rules")}</h2>
      <p>{kept}</p>
      <ul>
        {objects.rules.map((rule) => (
          <li key={rule.prefix}>{t("moves", { n: rule.days, prefix: rule.prefix, to: rule.storage_class })}</li>
        ))}
        {objects.store === "s3" && <li>{t("unfinished", { n: objects.unfinished_days })}</li>}
        {objects.leftover_days > 0 && <li>{t("byAge", { n: objects.leftover_days })}</li>}
        {objects.leftover_gb > 0 && <li>{t("bySpace", { n: count(objects.leftover_gb) })}</li>}
        {!objects.leftover_days && !objects.leftover_gb && <li>{t("never")}</li>}
      </ul>
    </section>
  );
}

function LeftoverList({ objects }: { objects: Objects }) {
  const { items, next, failure, more } = usePages<Leftover>(listLeftovers, []);
  return (
    <section>
      <h2>{t("leftovers")}</h2>
      {failure ? <p role="alert">{sentence(failure)}</p> : !items && <Spinner />}
      {items?.length === 0 && objects.scanned_at && <p>{t("none")}</p>}
      {items && items.length > 0 && (
        <>
          <p>{t("leftoversHint", { n: t("folders", { n: objects.leftover_folders }), size: bytes(objects.leftover_bytes) })}</p>
          <Scroll label={t("leftovers")}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{t("kind")}</th>
                  <th scope="col">{t("objects")}</th>
                  <th scope="col">{t("size")}</th>
                  <th scope="col">{t("found")}</th>
                  <th scope="col">{t("goes")}</th>
                </tr>
              </thead>
              <tbody>
                {items.map((one) => (
                  <Row key={one.id} one={one} />
                ))}
              </tbody>
            </table>
          </Scroll>
        </>
      )}
      {next && (
        <button type="button" class="button" onClick={more}>
          {t("more")}
        </button>
      )}
    </section>
  );
}

function Row({ one }: { one: Leftover }) {
  return (
    <tr>
      <th scope="row">
        <code dir="ltr">{one.prefix}</code>
      </th>
      <td>{count(one.objects)}</td>
      <td>{bytes(one.bytes)}</td>
      <td>{ago(one.found_at)}</td>
      <td>{one.due_at ? when(one.due_at) : t("stays")}</td>
    </tr>
  );
}
