/** The readers of durable facts: how far each has come, and what was put aside. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { ago, count } from "../../ui/format";
import { useInterval } from "../../ui/parts";
import { Scroll } from "../../ui/scroll";
import { toast } from "../../ui/toasts";
import { giveAgain, listAside, listReaders, type AsideFact, type Readers } from "./calls";
import { t } from "./words";

const REFRESH_MS = 5000;

export function FactReaders() {
  const [readers, setReaders] = useState<Readers["readers"]>([]);
  const [aside, setAside] = useState<AsideFact[]>([]);
  const ask = async (): Promise<void> => {
    try {
      const [all, facts] = await Promise.all([listReaders(), listAside()]);
      setReaders(all.readers);
      setAside(facts.items);
    } catch {
      // The list of jobs above says what is wrong; what was known stays.
    }
  };
  useEffect(() => void ask(), []);
  useInterval(() => void ask(), REFRESH_MS);
  return (
    <section class="panel" aria-labelledby="jobs-readers">
      <h2 id="jobs-readers">{t("readers")}</h2>
      {readers.length === 0 ? <p class="dim">{t("noReaders")}</p> : <ReaderTable readers={readers} />}
      {aside.length > 0 && (
        <>
          <h3>{t("asideFacts")}</h3>
          <ul class="jobs-list">
            {aside.map((fact) => (
              <Aside key={fact.id} fact={fact} onGiven={() => void ask()} />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function ReaderTable({ readers }: { readers: Readers["readers"] }) {
  return (
    <Scroll label={t("readersTable")}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{t("reader")}</th>
            <th scope="col">{t("behind")}</th>
            <th scope="col">{t("failures")}</th>
            <th scope="col">{t("aside")}</th>
            <th scope="col">{t("error")}</th>
          </tr>
        </thead>
        <tbody>
          {readers.map((one) => (
            <tr key={one.name} class={one.failures || one.aside ? "jobs-bad" : undefined}>
              <th scope="row" class="mono">
                {one.name}
              </th>
              <td class="tabular">{count(one.behind)}</td>
              <td class="tabular">{count(one.failures)}</td>
              <td class="tabular">{count(one.aside)}</td>
              <td dir="ltr">{one.error || "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Aside({ fact, onGiven }: { fact: AsideFact; onGiven: () => void }) {
  const give = async (): Promise<void> => {
    try {
      await giveAgain(fact.id);
      toast(t("given"));
      onGiven();
    } catch (error) {
      toast(sentence(error), "bad");
    }
  };
  return (
    <li class="jobs-item jobs-bad">
      <div class="jobs-what">
        <b class="mono">{fact.name}</b> <span class="dim">{`${fact.reader} · ${ago(fact.at)}`}</span>
        <p class="jobs-reason" dir="ltr">
          {fact.error}
        </p>
      </div>
      <button type="button" class="button" aria-label={t("giveItAgain", { name: fact.name, reader: fact.reader })} onClick={() => void give()}>
        {t("giveAgain")}
      </button>
    </li>
  );
}
