// @ts-check
// Switches for vertebrae, layers and zoom.
import { byId, html, inputById } from "./dom.js";
import { LEVELS } from "./levels.js";

const LAYERS = [
  ["outlines", "Outlines"],
  ["landmarks", "Model landmarks"],
  ["detected", "Detected landmarks"],
  ["labels", "Labels"],
];

function toggle(label, pressed, onChange, attributes = {}) {
  const button = html(
    "button",
    { type: "button", class: "chip", "aria-pressed": String(pressed), ...attributes },
    label,
  );
  button.addEventListener("click", () => {
    const next = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(next));
    onChange(next);
  });
  return button;
}

export function showControls(display, films) {
  byId("level-toggles").replaceChildren(
    ...LEVELS.map((level) =>
      toggle(level, true, (visible) => display.setLevel(level, visible), {
        "data-level": level,
        class: "chip level-chip",
      }),
    ),
  );
  byId("layer-toggles").replaceChildren(
    ...LAYERS.map(([name, label]) =>
      toggle(label, display.layers[name], (visible) => display.setLayer(name, visible), { "data-layer": name }),
    ),
  );
  const brightness = inputById("brightness");
  brightness.addEventListener("input", () => {
    document.documentElement.style.setProperty("--film-brightness", brightness.value);
  });
  const zoom = byId("zoom");
  zoom.addEventListener("click", () => {
    const close = zoom.getAttribute("aria-pressed") !== "true";
    zoom.setAttribute("aria-pressed", String(close));
    for (const film of films) film.setZoom(close);
  });
}
