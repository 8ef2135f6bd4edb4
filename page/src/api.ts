// The REST interface as the page uses it. Paths are relative, so the service may live below a prefix.
import type { Edit, JobList, JobStatus, Problem, ReviewState } from "./contract";
import { askForKey, storedKey } from "./key";

const FINAL_STATES = new Set(["succeeded", "failed", "rejected", "cancelled"]);
const POLL_INTERVAL_MS = 1500;

export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback = { title: `The service answered ${response.status}`, code: `http_${response.status}` };
  const isJson = (response.headers.get("content-type") || "").includes("json");
  return { ...fallback, status: response.status, ...(isJson ? await response.json() : {}) };
}

/** Without a key that the service accepts, the reader is asked for one; `isQuiet` leaves that to the caller. */
export async function request(
  path: string,
  options: RequestInit & { headers?: Record<string, string> } = {},
  isQuiet = false,
) {
  for (;;) {
    const key = storedKey();
    const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
    const response = await fetch(path, { ...options, headers });
    if (response.ok) return response;
    if (response.status !== 401 || isQuiet) throw new ProblemError(await problemOf(response));
    await askForKey();
  }
}

export function jobPath(id: string, rest = "", revision?: number): string {
  const query = revision === undefined ? "" : `?revision=${revision}`;
  return `jobs/${encodeURIComponent(id)}${rest}${query}`;
}

export async function getJson<T>(path: string): Promise<T> {
  return (await request(path)).json();
}

/** What an older job, or a refused one, may not have. */
export async function getJsonIfThere<T>(path: string): Promise<T | null> {
  try {
    return await getJson<T>(path);
  } catch (error) {
    if (error instanceof ProblemError && [404, 409].includes(error.problem.status ?? 0)) return null;
    throw error;
  }
}

export async function getBytes(path: string): Promise<ArrayBuffer> {
  return (await request(path)).arrayBuffer();
}

export async function getBytesIfThere(path: string): Promise<ArrayBuffer | null> {
  try {
    return await getBytes(path);
  } catch (error) {
    if (error instanceof ProblemError && [404, 409].includes(error.problem.status ?? 0)) return null;
    throw error;
  }
}

export async function getObjectUrl(path: string): Promise<string> {
  return URL.createObjectURL(await (await request(path)).blob());
}

/** A job's status with the ETag that a later change of it is conditional on. */
export async function getStatus(id: string): Promise<{ status: JobStatus; etag: string }> {
  const response = await request(jobPath(id), { cache: "no-cache" });
  return { status: await response.json(), etag: response.headers.get("etag") ?? "*" };
}

export async function submit(form: FormData, idempotencyKey: string): Promise<JobStatus> {
  const headers = { "Idempotency-Key": idempotencyKey };
  return (await request("reconstruct", { method: "POST", body: form, headers })).json();
}

/** Nobody has asked for the list: a missing key is told, not asked for over what the reader is doing. */
export async function listJobs(query: Record<string, string>): Promise<JobList> {
  const filled = Object.entries(query).filter(([, value]) => value !== "");
  return (await request(`jobs?${new URLSearchParams(filled)}`, {}, true)).json();
}

export async function remove(id: string): Promise<void> {
  await request(jobPath(id), { method: "DELETE" });
}

async function sendJson<T>(method: string, path: string, body: unknown, etag: string): Promise<T> {
  const headers = { "Content-Type": "application/json", "If-Match": etag };
  return (await request(path, { method, body: JSON.stringify(body), headers })).json();
}

export function revise(id: string, etag: string, name: string, edits: Edit[]): Promise<JobStatus> {
  return sendJson("POST", jobPath(id, "/revisions"), { name, edits }, etag);
}

export function sign(id: string, etag: string, review: { state: ReviewState; name: string; reason?: string }) {
  return sendJson<JobStatus>("PUT", jobPath(id, "/review"), review, etag);
}

export function isFinal(status: JobStatus): boolean {
  return FINAL_STATES.has(status.state);
}

/**
 * Calls onStatus for every change and resolves with the final status. The event stream cannot carry a key, so with
 * one the page polls; it also polls when the stream breaks.
 */
export async function follow(id: string, onStatus: (status: JobStatus) => void): Promise<JobStatus> {
  let status = await getJson<JobStatus>(jobPath(id));
  onStatus(status);
  if (!isFinal(status) && !storedKey()) status = await stream(id, onStatus, status);
  while (!isFinal(status)) {
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
    status = await getJson<JobStatus>(jobPath(id));
    onStatus(status);
  }
  return status;
}

function stream(id: string, onStatus: (status: JobStatus) => void, first: JobStatus): Promise<JobStatus> {
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
