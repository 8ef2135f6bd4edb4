// @ts-check
// The result page: follows a job, then shows what came out.
import { follow, getJson, jobPath, ProblemError, remove } from "./api.js";
import { byId, html, show } from "./dom.js";
import { problemBody } from "./problem.js";
import { showProgress } from "./progress.js";
import { showResult } from "./result.js";

const ENDINGS = {
  failed: "The reconstruction failed",
  rejected: "These images were not reconstructed",
  cancelled: "The job was cancelled",
};

const removeButton = byId("remove");

function showProblem(heading, body) {
  show(byId("progress"), false);
  byId("problem").replaceChildren(
    html("h2", {}, heading),
    ...body,
    html("p", {}, html("a", { class: "button", href: "./" }, "New reconstruction")),
  );
  show(byId("problem"));
}

function onStatus(status) {
  removeButton.dataset.running = String(status.state === "queued" || status.state === "running");
  removeButton.textContent = removeButton.dataset.running === "true" ? "Cancel" : "Erase";
  show(removeButton);
  showProgress(status);
}

async function onRemove(id) {
  const running = removeButton.dataset.running === "true";
  const question = running ? "Cancel this job?" : "Erase this job with its images and results?";
  if (!confirm(question)) return;
  try {
    await remove(id);
    if (!running) location.assign("./");
  } catch (error) {
    showProblem("This did not work", problemBody(error));
  }
}

async function main() {
  const id = new URLSearchParams(location.search).get("job");
  if (!id) {
    showProblem("No job named", [html("p", {}, "The address of a result ends in ", html("code", {}, "?job=…"))]);
    return;
  }
  byId("job-id").textContent = id;
  removeButton.addEventListener("click", () => onRemove(id));
  try {
    const status = await follow(id, onStatus);
    if (status.state === "succeeded") {
      await showResult(id, await getJson(jobPath(id, "/result")));
      show(byId("progress"), false);
    } else {
      showProblem(ENDINGS[status.state], status.error ? problemBody(status.error) : []);
    }
  } catch (error) {
    const heading =
      error instanceof ProblemError ? "The service did not give an answer" : "The page could not show this";
    showProblem(heading, problemBody(error));
  }
}

main();
