// Films of a job: first the small picture that the network saw, then the film as it was sent.
import { getBytesIfThere, jobPath } from "../api";
import type { ViewName } from "../contract";
import type { Placing } from "../geometry";
import type { Picture, Plane } from "./picture";

function decoded(bytes: ArrayBuffer): Promise<Plane[]> {
  const worker = new Worker(new URL("./decode.worker.ts", import.meta.url), { type: "module" });
  const planes = new Promise<Plane[]>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<{ planes?: Plane[]; error?: string }>) =>
      data.planes ? resolve(data.planes) : reject(new Error(data.error));
    worker.onerror = () => reject(new Error("the film could not be decoded"));
  });
  worker.postMessage(bytes, [bytes]);
  return planes.finally(() => worker.terminate());
}

export async function smallPicture(id: string, view: ViewName, placing: Placing) {
  const bytes = await getBytesIfThere(jobPath(id, `/images/${view}.png`));
  return bytes && { planes: await decoded(bytes), placing };
}

/** What the fit has left on the film; null for jobs that were made without it. */
export async function residualPicture(id: string, view: ViewName, grid: Placing, columns: number) {
  const bytes = await getBytesIfThere(jobPath(id, `/residual/${view}.png`));
  if (!bytes) return null;
  const planes = await decoded(bytes);
  const factor = columns / planes[0].columns;
  const along = (axis: 0 | 1) => [grid.first[axis] + (grid.step[axis] * (factor - 1)) / 2, grid.step[axis] * factor];
  const [[left, across], [top, down]] = [along(0), along(1)];
  const placing: Placing = { first: [left, top], step: [across, down] };
  return { planes, placing };
}

/** Null for jobs of which the films are not kept. */
export async function nativePicture(id: string, view: ViewName): Promise<Picture | null> {
  const bytes = await getBytesIfThere(jobPath(id, `/films/${view}.png`));
  return bytes && { planes: await decoded(bytes), placing: { first: [0, 0], step: [1, 1] } };
}
