/** The board of a project: its tasks in columns. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { when } from "../../ui/format";
import { Empty, Spinner } from "../../ui/parts";
import { attempt, textOf } from "../../ui/sending";
import { changeTask, deleteTask, makeTask, type Member, membersOf, type Project, type Task, tasksOf } from "./calls";
import { t } from "./words";

const inOrder = (one: Task, other: Task): number => one.position - other.position || (one.id < other.id ? -1 : 1);

export function Board({ project }: { project: Project }) {
  const [tasks, setTasks] = useState<Task[] | null>(null);
  const [people, setPeople] = useState<Member[]>([]);
  const [failure, setFailure] = useState<unknown>(null);
  const read = (): Promise<void> => tasksOf(project.id).then(setTasks, setFailure);
  useEffect(() => {
    void read();
    void membersOf(project.id).then(setPeople, setFailure);
  }, [project.id]);
  const mayWrite = project.role !== "viewer";
  const act = (what: () => Promise<unknown>): void => void attempt(() => what().then(read));
  if (failure) return <Empty title={sentence(failure)} />;
  if (!tasks) return <Spinner />;
  return (
    <div class="board">
      {project.columns.map((column) => {
        const here = tasks.filter((one) => one.column === column).sort(inOrder);
        const last = (here.at(-1)?.position ?? 0) + 1;
        const drop = (event: DragEvent): void => {
          const moved = tasks.find((one) => one.id === event.dataTransfer?.getData("text/plain"));
          if (moved && mayWrite) act(() => changeTask(moved, { column, position: last }));
        };
        return (
          <section key={column} class="board-column" aria-label={column} onDragOver={(event) => event.preventDefault()} onDrop={drop}>
            <h2 dir="auto">{column}</h2>
            <ul>
              {here.map((one) => (
                <TaskCard key={one.id} one={one} columns={project.columns} people={people} mayWrite={mayWrite} act={act} />
              ))}
            </ul>
            {mayWrite && <NewTask project={project} column={column} act={act} />}
          </section>
        );
      })}
    </div>
  );
}

type Act = (what: () => Promise<unknown>) => void;

function NewTask({ project, column, act }: { project: Project; column: string; act: Act }) {
  const add = (event: Event): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const title = textOf(new FormData(form), "title");
    act(() => makeTask(project.id, { title, column }));
    form.reset();
  };
  const label = t("newTask", { column });
  return (
    <form class="row" onSubmit={add}>
      <input name="title" required maxLength={140} dir="auto" aria-label={label} placeholder={label} autocomplete="off" />
      <button type="submit" class="button">
        {t("add")}
      </button>
    </form>
  );
}

interface CardProps {
  one: Task;
  columns: readonly string[];
  people: readonly Member[];
  mayWrite: boolean;
  act: Act;
}

function TaskCard({ one, columns, people, mayWrite, act }: CardProps) {
  return (
    <li class="task" draggable={mayWrite} onDragStart={(event) => event.dataTransfer?.setData("text/plain", one.id)}>
      <strong dir="auto">{one.title}</strong>
      {one.due_at && <span class="muted">{t("due", { when: when(one.due_at) })}</span>}
      {!mayWrite && one.assignee && <span class="muted">@{one.assignee}</span>}
      {mayWrite && (
        <div class="task-tools">
          <select aria-label={t("moveTo", { title: one.title })} value={one.column} onChange={(event) => act(() => changeTask(one, { column: event.currentTarget.value }))}>
            {columns.map((column) => (
              <option key={column} value={column}>
                {column}
              </option>
            ))}
          </select>
          <select
            aria-label={t("assignee")}
            value={one.assignee ?? ""}
            onChange={(event) => act(() => changeTask(one, { assignee: event.currentTarget.value || null }))}
          >
            <option value="">{t("nobody")}</option>
            {people.map((each) => (
              <option key={each.id} value={each.username}>
                {each.display_name}
              </option>
            ))}
          </select>
          <input
            type="date"
            aria-label={t("dueAt")}
            value={one.due_at?.slice(0, 10) ?? ""}
            onChange={(event) => act(() => changeTask(one, { due_at: event.currentTarget.value ? `${event.currentTarget.value}T12:00:00Z` : null }))}
          />
          <button type="button" class="button" onClick={() => act(() => deleteTask(one))} aria-label={t("deleteTask", { title: one.title })}>
            {t("deleteComment")}
          </button>
        </div>
      )}
    </li>
  );
}
