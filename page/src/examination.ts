// Everything of one examination that its page shows, as the service gives it.
import { getJson, getJsonIfThere, getStatus, jobPath } from "./api";
import type { Construction, OverlayView, Recognition, Result, RevisionEntry, ViewName } from "./contract";
import { roomOf } from "./geometry";
import type { Examination } from "./reading";

type Overlay = Record<ViewName, OverlayView>;

export async function loadExamination(id: string, before?: Examination): Promise<Examination> {
  const { status, etag } = await getStatus(id);
  const [result, overlay, made, recognition] = await Promise.all([
    getJson<Result>(jobPath(id, "/result")),
    getJson<{ views: Overlay }>(jobPath(id, "/overlay.json")),
    getJsonIfThere<{ constructions: Construction[] }>(jobPath(id, "/constructions.json")),
    getJsonIfThere<Recognition>(jobPath(id, "/recognition.json")),
  ]);
  const room = roomOf(result.calibration, result.levels);
  const previous =
    before && before.status.revision !== status.revision
      ? { result: before.result, overlay: before.overlay, revision: before.status.revision ?? 1 }
      : (before?.previous ?? null);
  return {
    id,
    status,
    etag,
    result,
    overlay: overlay.views,
    constructions: made?.constructions ?? [],
    recognition,
    room,
    previous,
  };
}

/** A revision that was there before, to be shown beside the current one. */
export async function withRevision(exam: Examination, revision: number): Promise<Examination> {
  const [result, overlay] = await Promise.all([
    getJson<Result>(jobPath(exam.id, "/result", revision)),
    getJson<{ views: Overlay }>(jobPath(exam.id, "/overlay.json", revision)),
  ]);
  return { ...exam, previous: { result, overlay: overlay.views, revision } };
}

export async function revisionsOf(id: string): Promise<RevisionEntry[]> {
  return (await getJsonIfThere<{ revisions: RevisionEntry[] }>(jobPath(id, "/revisions")))?.revisions ?? [];
}
