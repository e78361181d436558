/** One job, and what an operator may do about it. */
import { useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { ago, when } from "../../ui/format";
import { toast } from "../../ui/toasts";
import { cancelJob, retryJob, type Job } from "./calls";
import { t } from "./words";

export function JobItem({ job, onChange }: { job: Job; onChange: () => void }) {
  const [isBusy, setBusy] = useState(false);
  const act = async (verb: (id: string) => Promise<Job>, done: "retried" | "cancelling"): Promise<void> => {
    setBusy(true);
    try {
      await verb(job.id);
      toast(t(done));
      onChange();
    } catch (error) {
      toast(sentence(error), "bad");
    } finally {
      setBusy(false);
    }
  };
  const isOpen = job.state === "queued" || job.state === "running";
  return (
    <li class={`jobs-item${job.state === "dead" ? " jobs-bad" : ""}`}>
      <div class="jobs-what">
        <b class="mono">{job.name}</b> <span class="jobs-state">{job.is_cancel_asked && isOpen ? t("cancelAsked") : t(job.state)}</span>
        <p class="dim" title={when(job.due_at)}>
          {[job.state === "queued" ? t("due", { time: ago(job.due_at) }) : ago(job.finished_at ?? job.started_at ?? job.created_at), t("tries", { n: job.tries }), job.worker && t("on", { node: job.worker }), job.key].filter(Boolean).join(" · ")}
        </p>
        {job.state === "running" && job.progress > 0 && <progress max={1} value={job.progress} aria-label={t("progress", { name: job.name })} />}
        {job.note && <p>{job.note}</p>}
        {job.reason && job.state !== "done" && (
          <p class="jobs-reason" dir="ltr">
            {job.reason}
          </p>
        )}
      </div>
      {isOpen && !job.is_cancel_asked && (
        <button type="button" class="button" disabled={isBusy} aria-label={t("cancelIt", { name: job.name })} onClick={() => void act(cancelJob, "cancelling")}>
          {t("cancel")}
        </button>
      )}
      {(job.state === "dead" || job.state === "cancelled") && (
        <button type="button" class="button" disabled={isBusy} aria-label={t("retryIt", { name: job.name })} onClick={() => void act(retryJob, "retried")}>
          {t("retry")}
        </button>
      )}
    </li>
  );
}
