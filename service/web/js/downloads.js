// @ts-check
// Links to the files of a job. With an API key a plain link cannot carry it, so the file is fetched first.
import { getObjectUrl, jobPath } from "./api.js";
import { byId, html } from "./dom.js";
import { storedKey } from "./key.js";

const FOR_THE_WHOLE = [
  ["/meshes.zip", "All meshes", "zip of five STL files"],
  ["/spine.glb", "Spine", "GLB, one node per vertebra"],
  ["/result", "Result", "JSON: poses, landmarks, measurements, quality", "result.json"],
  ["/overlay.json", "Outlines", "JSON, image pixels", "overlay.json"],
];

function link(id, path, label, note, name) {
  const href = jobPath(id, path);
  const fileName = `${id}-${name ?? path.split("/").at(-1)}`;
  const anchor = html("a", { href, download: fileName }, label);
  anchor.addEventListener("click", async (event) => {
    if (!storedKey() || anchor.href.startsWith("blob:")) return;
    event.preventDefault();
    anchor.href = await getObjectUrl(href);
    anchor.click();
  });
  return html("li", {}, anchor, note ? html("span", { class: "quiet" }, note) : null);
}

export function showDownloads(id, result) {
  const meshes = result.levels.map(({ level }) => link(id, `/meshes/${level}.stl`, level, "STL, mm"));
  byId("downloads").replaceChildren(...FOR_THE_WHOLE.map((file) => link(id, ...file)), ...meshes);
}
