// @ts-check
// One overall bar, the stage in words, and the place in the queue.
import { byId, html, show } from "./dom.js";

const STAGES = [
  ["read", "Read the images"],
  ["detect", "Find the vertebrae"],
  ["initialise", "Place the models"],
  ["register", "Fit shape and pose"],
  ["measure", "Measure"],
  ["export", "Write the files"],
];

function sentence(status) {
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

export function showProgress(status) {
  const current = status.state === "succeeded" ? STAGES.length : STAGES.findIndex(([name]) => name === status.stage);
  byId("progress-title").textContent = status.state === "queued" ? "In the queue" : "Reconstructing";
  byId("progress-text").textContent = sentence(status);
  /** @type {HTMLProgressElement} */ (byId("progress-bar")).value = status.progress;
  byId("stages").replaceChildren(
    ...STAGES.map(([, label], index) => {
      const state = index < current ? "done" : index === current ? "current" : "waiting";
      return html("li", { class: state, "aria-current": state === "current" ? "step" : null }, label);
    }),
  );
  show(byId("progress"));
}
