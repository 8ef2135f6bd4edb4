// @ts-check
// The REST interface as the page uses it. Paths are relative, so the service may live below a prefix.
import { askForKey, storedKey } from "./key.js";

const FINAL_STATES = new Set(["succeeded", "failed", "rejected", "cancelled"]);
const POLL_INTERVAL_MS = 1500;

export class ProblemError extends Error {
  constructor(problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }
}

async function problemOf(response) {
  const fallback = { title: `The service answered ${response.status}`, code: `http_${response.status}` };
  const isJson = (response.headers.get("content-type") || "").includes("json");
  return { ...fallback, status: response.status, ...(isJson ? await response.json() : {}) };
}

async function request(path, options = {}) {
  for (;;) {
    const key = storedKey();
    const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
    const response = await fetch(path, { ...options, headers });
    if (response.ok) return response;
    if (response.status !== 401) throw new ProblemError(await problemOf(response));
    await askForKey();
  }
}

export function jobPath(id, rest = "") {
  return `jobs/${encodeURIComponent(id)}${rest}`;
}

export async function getJson(path) {
  return (await request(path)).json();
}

export async function getBytes(path) {
  return (await request(path)).arrayBuffer();
}

export async function getObjectUrl(path) {
  return URL.createObjectURL(await (await request(path)).blob());
}

export async function submit(form, idempotencyKey) {
  const headers = { "Idempotency-Key": idempotencyKey };
  return (await request("reconstruct", { method: "POST", body: form, headers })).json();
}

export async function remove(id) {
  await request(jobPath(id), { method: "DELETE" });
}

export function isFinal(status) {
  return FINAL_STATES.has(status.state);
}

// Calls onStatus for every change and resolves with the final status. The event stream cannot carry a key, so with
// one the page polls; it also polls when the stream breaks.
export async function follow(id, onStatus) {
  let status = await getJson(jobPath(id));
  onStatus(status);
  if (!isFinal(status) && !storedKey()) status = await stream(id, onStatus, status);
  while (!isFinal(status)) {
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
    status = await getJson(jobPath(id));
    onStatus(status);
  }
  return status;
}

function stream(id, onStatus, first) {
  return new Promise((resolve) => {
    let latest = first;
    const source = new EventSource(jobPath(id, "/events"));
    const finish = () => {
      source.close();
      resolve(latest);
    };
    source.addEventListener("status", (event) => {
      latest = JSON.parse(event.data);
      onStatus(latest);
      if (isFinal(latest)) finish();
    });
    source.addEventListener("error", finish);
  });
}
