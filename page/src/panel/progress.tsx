// One overall bar, the stage in words, and the place in the queue.
import type { JobStatus } from "../contract";

const STAGES: [string, string][] = [
  ["read", "Read the images"],
  ["detect", "Find the vertebrae"],
  ["initialise", "Place the models"],
  ["register", "Fit shape and pose"],
  ["measure", "Measure"],
  ["export", "Write the files"],
];

function sentence(status: JobStatus): string {
  if (status.state === "queued") {
    const ahead = status.queue_position;
    if (ahead === null || ahead === undefined) return "Waiting for a worker.";
    return `Waiting for a worker: place ${ahead} in the queue.`;
  }
  if (status.state === "succeeded") return "Loading the result.";
  const stage = STAGES.find(([name]) => name === status.stage);
  const again = status.attempt > 1 ? ` Attempt ${status.attempt}: the worker before this one stopped.` : "";
  return `${stage ? stage[1] : "Working"}, ${Math.round(status.progress * 100)} % done.${again}`;
}

export function Progress({ status, title }: { status: JobStatus; title?: string }) {
  const current = status.state === "succeeded" ? STAGES.length : STAGES.findIndex(([name]) => name === status.stage);
  return (
    <section id="progress" class="card progress-card" aria-labelledby="progress-title">
      <h2 id="progress-title">{title ?? (status.state === "queued" ? "In the queue" : "Reconstructing")}</h2>
      <p id="progress-text" role="status">
        {sentence(status)}
      </p>
      <progress id="progress-bar" max={1} value={status.progress} aria-labelledby="progress-title" />
      <ol id="stages" class="stages">
        {STAGES.map(([name, label], index) => {
          const state = index < current ? "done" : index === current ? "current" : "waiting";
          return (
            <li key={name} class={state} aria-current={state === "current" ? "step" : undefined}>
              {label}
            </li>
          );
        })}
      </ol>
    </section>
  );
}
