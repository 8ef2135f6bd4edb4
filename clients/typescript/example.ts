// node example.ts ap.dcm lat.dcm calibration.json: reconstruct a pair, print a number, save the scene.
import { readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { type Calibration, connect, good, RefusedError, submit, wait } from "./client.ts";

const [ap, lat, room] = process.argv.slice(2);
if (!ap || !lat || !room) throw new Error("usage: node example.ts AP LAT CALIBRATION");
const client = connect(process.env.LUMBAR3D_SERVER ?? "http://127.0.0.1:8000", process.env.LUMBAR3D_API_KEY);
try {
  const films = { ap: new Blob([await readFile(ap)]), lat: new Blob([await readFile(lat)]) };
  const calibration: Calibration = JSON.parse(await readFile(room, "utf8"));
  const job = await submit(client, films, calibration, crypto.randomUUID());
  const ended = await wait(client, job.id, 200);
  if (ended.state !== "succeeded") throw new Error(`${ended.state}: ${ended.error?.code}`);
  const path = { job_id: job.id };
  const result = good(await client.GET("/jobs/{job_id}/result", { params: { path } }));
  console.log(`${job.id} ${result.quality} ${result.measurements.length} measurements`);
  const scene = good(await client.GET("/jobs/{job_id}/spine.glb", { params: { path }, parseAs: "arrayBuffer" }));
  await writeFile("spine.glb", new Uint8Array(scene));
} catch (error) {
  console.error(error instanceof RefusedError ? error.problem.code : error);
  process.exitCode = 1;
}
