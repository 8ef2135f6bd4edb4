// @ts-check
// Puts the parts of a finished reconstruction on the page.
import { getJson, jobPath } from "./api.js";
import { showControls } from "./controls.js";
import { byId, show } from "./dom.js";
import { showDownloads } from "./downloads.js";
import { createFilm } from "./film.js";
import { sceneCentre, viewGeometry } from "./geometry.js";
import { showGlance } from "./glance.js";
import { Display } from "./levels.js";
import { showMeasurements } from "./measurements.js";
import { showProvenance } from "./provenance.js";
import { showNotes, showOverallQuality, showQuality } from "./quality.js";
import { enableTooltips } from "./tooltip.js";

export async function showResult(id, result) {
  const overlay = await getJson(jobPath(id, "/overlay.json"));
  const display = new Display();
  const centre = sceneCentre(result);
  const geometry = {
    ap: viewGeometry(result.calibration.ap, centre),
    lat: viewGeometry(result.calibration.lat, centre),
  };
  show(byId("result"));
  showOverallQuality(result.quality);
  const films = await Promise.all(
    ["ap", "lat"].map((view) =>
      createFilm(byId(`film-${view}`), { id, view, overlay: overlay.views[view], geometry, display }),
    ),
  );
  showControls(display, films);
  showGlance(result.measurements);
  showQuality(result.levels, display);
  showNotes(result.notes);
  showMeasurements(result.measurements, display);
  enableTooltips(byId("measurements"));
  showDownloads(id, result);
  showProvenance(result);
  await showScene(id, geometry, display);
}

// Without WebGL the rest of the page still serves.
async function showScene(id, geometry, display) {
  const host = byId("scene");
  try {
    const { createScene } = await import("./scene.js");
    await createScene(host, { id, geometry, display });
  } catch (error) {
    host.textContent = `The 3D view is not available here: ${error instanceof Error ? error.message : error}`;
    host.classList.add("unavailable");
  }
}
