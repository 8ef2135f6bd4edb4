// @ts-check
// The submit page: three files and a choice become a job.
import { getJson, submit } from "./api.js";
import { byId, inputById, show } from "./dom.js";
import { problemBody } from "./problem.js";

const form = /** @type {HTMLFormElement} */ (byId("submit-form"));
const button = /** @type {HTMLButtonElement} */ (byId("submit-button"));
const errorBox = byId("submit-error");

// One key per filled-in form: a second click, or a retry after a lost answer, cannot make a second job.
let idempotencyKey = newKey();

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function openJob(id) {
  location.assign(`view.html?job=${encodeURIComponent(id)}`);
}

function requestBody() {
  const body = new FormData();
  for (const name of ["ap", "lat", "calibration"]) body.append(name, inputById(name).files?.[0] ?? "");
  body.append("options", JSON.stringify({ method: new FormData(form).get("method") }));
  return body;
}

async function send(event) {
  event.preventDefault();
  button.disabled = true;
  button.textContent = "Sending…";
  show(errorBox, false);
  try {
    openJob((await submit(requestBody(), idempotencyKey)).id);
  } catch (error) {
    errorBox.replaceChildren(...problemBody(error));
    show(errorBox);
  } finally {
    button.disabled = false;
    button.textContent = "Reconstruct";
  }
}

function prepareDrop(zone) {
  const input = zone.querySelector("input");
  const mark = (over) => zone.classList.toggle("over", over);
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    mark(true);
  });
  zone.addEventListener("dragleave", () => mark(false));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    if (event.dataTransfer.files.length === 0) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
  input.addEventListener("change", () => zone.classList.toggle("filled", input.files.length > 0));
}

async function showReadiness() {
  const line = byId("readiness");
  try {
    await getJson("readyz");
    line.textContent = "Service ready";
    line.classList.add("ready");
  } catch {
    line.textContent = "Service not ready: jobs wait";
    line.classList.add("not-ready");
  }
}

form.addEventListener("submit", send);
form.addEventListener("change", () => {
  idempotencyKey = newKey();
});
byId("open-job").addEventListener("submit", (event) => {
  event.preventDefault();
  openJob(inputById("job-id").value.trim());
});
document.querySelectorAll("[data-drop]").forEach(prepareDrop);
showReadiness();
