// @ts-check
// One radiograph with the reconstruction drawn over it.
import { getObjectUrl, jobPath } from "./api.js";
import { svg } from "./dom.js";
import { LEVELS } from "./levels.js";

const FILM_ASPECT = 0.76;
const MARGIN_PX = 26;

export async function createFilm(host, { id, view, overlay, geometry, display }) {
  const image = await getObjectUrl(jobPath(id, `/images/${view}.png`));
  const { width, height, levels } = overlay;
  const names = LEVELS.filter((level) => level in levels);
  const root = svg(
    "svg",
    { role: "img", "aria-label": `${view.toUpperCase()} radiograph with the outlines of ${names.join(", ")}` },
    // Pixel (0, 0) is a centre, so the picture begins half a pixel before it.
    svg("image", { href: image, x: -0.5, y: -0.5, width, height, preserveAspectRatio: "none" }),
    names.map((level) => drawLevel(level, levels[level])),
  );
  host.replaceChildren(root, ...sideMarks(view, geometry[view]));
  const setZoom = (close) =>
    root.setAttribute("viewBox", (close ? spineBox(levels) : [-0.5, -0.5, width, height]).join(" "));
  setZoom(true);
  const update = () => applyDisplay(root, display);
  display.addEventListener("change", update);
  update();
  return { setZoom };
}

function drawLevel(level, { outline, landmarks = {} }) {
  const path = outline
    .map((line) => `M${line.map((point) => point.map((x) => x.toFixed(2)).join(",")).join("L")}`)
    .join("");
  const points = outline.flat();
  const middle = (Math.min(...points.map((p) => p[1])) + Math.max(...points.map((p) => p[1]))) / 2;
  return svg(
    "g",
    { class: "level", "data-level": level },
    svg("path", { class: "halo", d: path }),
    svg("path", { class: "outline", d: path }, svg("title", {}, level)),
    Object.entries(landmarks).map(([name, landmark]) => drawLandmark(level, name, landmark)),
    svg(
      "text",
      { class: "label", x: Math.max(...points.map((p) => p[0])) + 4, y: middle, "dominant-baseline": "central" },
      level,
    ),
  );
}

function drawLandmark(level, name, { model, detected }) {
  const title = svg("title", {}, `${level} ${name.replaceAll("_", " ")}`);
  const [u, v] = model;
  const marks = [svg("circle", { class: "landmark", cx: u, cy: v, r: 2 }, title)];
  if (detected) {
    const [du, dv] = detected;
    marks.push(
      svg("line", { class: "detected offset", x1: u, y1: v, x2: du, y2: dv }),
      svg("path", { class: "detected cross", d: `M${du - 2.6},${dv}h5.2M${du},${dv - 2.6}v5.2` }),
    );
  }
  return svg("g", {}, marks);
}

function spineBox(levels) {
  const points = Object.values(levels).flatMap((level) => level.outline.flat());
  const [us, vs] = [points.map((p) => p[0]), points.map((p) => p[1])];
  const height = Math.max(...vs) - Math.min(...vs) + 2 * MARGIN_PX;
  const width = Math.max(height * FILM_ASPECT, Math.max(...us) - Math.min(...us) + 2 * MARGIN_PX);
  const middle = (Math.max(...us) + Math.min(...us)) / 2;
  return [middle - width / 2, Math.min(...vs) - MARGIN_PX, width, height];
}

function sideMarks(view, { leftIsRight, anteriorIsRight }) {
  const letters = view === "ap" ? (leftIsRight ? "RL" : "LR") : anteriorIsRight ? "PA" : "AP";
  const words = { R: "patient's right", L: "patient's left", A: "anterior", P: "posterior" };
  return [...letters].map((letter, index) => {
    const mark = document.createElement("span");
    mark.className = `side-mark ${index === 0 ? "at-left" : "at-right"}`;
    mark.textContent = letter;
    mark.title = words[letter];
    return mark;
  });
}

function applyDisplay(root, display) {
  for (const [layer, visible] of Object.entries(display.layers)) root.classList.toggle(`no-${layer}`, !visible);
  for (const group of root.querySelectorAll(".level")) {
    const { level } = group.dataset;
    group.classList.toggle("off", !display.shown.has(level));
    group.classList.toggle("dimmed", display.isDimmed(level));
  }
}
