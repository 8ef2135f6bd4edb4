// Typed client of lumbar3d: types made from openapi.yaml (`npm run generate`), requests by openapi-fetch.
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

export type Calibration = components["schemas"]["Calibration"];
export type JobStatus = components["schemas"]["JobStatus"];
export type Problem = components["schemas"]["Problem"];
export type Result = components["schemas"]["ReconstructionResult"];

/** The service refused; `problem.code` is stable. */
export class RefusedError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.detail ?? problem.title} (${problem.code})`);
    this.problem = problem;
  }
}

/** A client with the key of one server. */
export function connect(server: string, apiKey?: string): Client<paths> {
  const headers = apiKey ? { Authorization: `Bearer ${apiKey}` } : {};
  return createClient<paths>({ baseUrl: server, headers });
}

/** The data of an answer. */
export function good<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.error !== undefined) throw new RefusedError(answer.error as Problem);
  return answer.data as T;
}

/** Send AP and LAT with their calibration; the same key with the same films is the same job. */
export async function submit(
  client: Client<paths>,
  films: { ap: Blob; lat: Blob },
  calibration: Calibration,
  idempotencyKey: string,
): Promise<JobStatus> {
  const form = new FormData();
  form.set("ap", films.ap, "ap");
  form.set("lat", films.lat, "lat");
  form.set("calibration", new Blob([JSON.stringify(calibration)], { type: "application/json" }));
  return good(
    await client.POST("/reconstruct", {
      params: { header: { "Idempotency-Key": idempotencyKey } },
      // The form stands for this body; a generator of types cannot know how files are sent.
      body: { ap: "", lat: "", calibration },
      bodySerializer: () => form,
    }),
  );
}

/** Ask until the job has ended, however. */
export async function wait(client: Client<paths>, job: string, pauseMs = 2000): Promise<JobStatus> {
  for (;;) {
    const status = good(await client.GET("/jobs/{job_id}", { params: { path: { job_id: job } } }));
    if (status.state !== "queued" && status.state !== "running") return status;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
