// Films of a job: first the small picture that the network saw, then the film as it was sent.
import { getBytesIfThere, jobPath } from "../api";
import { VIEW_NAMES, type ViewName } from "../contract";
import type { Placing } from "../geometry";
import { type Picture, type Plane, pyramid } from "./picture";

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

/** Eight bits, which the browser reads itself: a worker takes longer to start than these to be read. */
async function decodedByBrowser(bytes: ArrayBuffer): Promise<Plane[]> {
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }), { colorSpaceConversion: "none" });
  const { width: columns, height: rows } = bitmap;
  const context = new OffscreenCanvas(columns, rows).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("the picture could not be decoded");
  context.drawImage(bitmap, 0, 0);
  const shown = context.getImageData(0, 0, columns, rows).data;
  return pyramid({ columns, rows, grey: Uint16Array.from({ length: columns * rows }, (_, i) => shown[4 * i] * 257) });
}

async function smallPlanes(id: string, view: ViewName): Promise<Plane[] | null> {
  const bytes = await getBytesIfThere(jobPath(id, `/images/${view}.png`));
  return bytes && decodedByBrowser(bytes);
}

const begun = new Map<string, Promise<Plane[] | null>>();

/** Ask for both small pictures of a job while its documents are still on their way. */
export function beginSmall(id: string): void {
  for (const view of VIEW_NAMES) {
    const planes = smallPlanes(id, view);
    planes.catch(() => null); // told to whoever shows it
    begun.set(`${id} ${view}`, planes);
  }
}

export async function smallPicture(id: string, view: ViewName, placing: Placing): Promise<Picture | null> {
  const key = `${id} ${view}`;
  const planes = await (begun.get(key) ?? smallPlanes(id, view));
  begun.delete(key);
  return planes && { planes, placing };
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
