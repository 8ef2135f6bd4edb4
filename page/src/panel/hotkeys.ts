// Keys of the reading page. They act on the film that has the focus or was pointed at last; never while text is typed.
import { LEVELS } from "../anatomy";
import type { Px } from "../contract";
import { click, moveCursor } from "../film/film";
import type { FilmModel } from "../film/model";
import { ARROWS } from "../film/pointer";
import { project } from "../geometry";
import type { Examination, Reading, Tool } from "../reading";
import type { Editor } from "./editor";
import { forAll, KEYS_OFF, TOOLS } from "./toolbar";

const PAN_PX = 40;
const ZOOM = 1.25;
const MEASURES: Tool[] = ["cursor", "ruler", "angle", "cobb"];

export interface Desk {
  reading: Reading;
  exam: Examination;
  films: FilmModel[];
  active: () => FilmModel;
  fullScreen: () => void;
  correct: () => void;
  editor: Editor;
}

export function onKey(event: KeyboardEvent, desk: Desk): void {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if ((event.target as Element).closest("input:not([type=checkbox]), select, textarea")) return;
  const onFilm = (event.target as Element).closest(".film:not(.scene)") !== null;
  const act = (onFilm && onFilmKey(event, desk)) || (!sessionStorage.getItem(KEYS_OFF) && letterKey(event, desk));
  if (act) event.preventDefault();
}

/** Arrow keys move the film, or the cursor where the tool has one; Enter sets a point there. */
function onFilmKey(event: KeyboardEvent, { reading, exam, active, editor }: Desk): boolean {
  const film = active();
  const step = ARROWS[event.key];
  const isPlacing = editor.placing.value?.view === film.view;
  const measures = isPlacing || MEASURES.includes(reading.tool.value);
  const at: Px = reading.cursor.value
    ? project(exam.result.calibration[film.view], reading.cursor.value.point)
    : [film.viewport.value.u, film.viewport.value.v];
  if (step && measures) {
    const reach = (event.shiftKey ? 10 : 1) / Math.min(1, film.viewport.value.scale);
    moveCursor(reading, exam, film, [at[0] + reach * step[0], at[1] + reach * step[1]]);
  } else if (step) film.pan(-PAN_PX * step[0], -PAN_PX * step[1]);
  else if (event.key === "Enter" && isPlacing) editor.placeAt(film.view, at);
  else if (event.key === "Enter" && measures) click(reading, film, at);
  else return false;
  return true;
}

function letterKey(event: KeyboardEvent, desk: Desk): boolean {
  const { reading, films, active } = desk;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const isOnButton = (event.target as Element).closest("button, a, summary, .handle") !== null;
  const tool = TOOLS.find(([, , letter]) => letter.toLowerCase() === key);
  if (tool) reading.tool.value = tool[0];
  else if (key === "i") reading.invert.value = !reading.invert.value;
  else if (key === "+") active().zoom(ZOOM);
  else if (key === "-") active().zoom(1 / ZOOM);
  else if (key === "o") active().oneToOne();
  else if (key === "=") active().fit(!active().isClose.value);
  else if (key === " " && !isOnButton) forAll(films, (film) => film.reset());
  else if (key === "f") desk.fullScreen();
  else if (key === "e") desk.correct();
  else if (key === "n") nextNumber(desk, event.shiftKey ? -1 : 1);
  else if (key === "?") document.querySelector<HTMLButtonElement>("#keys")?.click();
  else if (key === "Escape") {
    reading.choose(null);
    reading.filter.value = null;
    reading.tool.value = "pan";
  } else if (/^[1-5]$/.test(key)) reading.choose({ kind: "level", level: LEVELS[Number(key) - 1] });
  else return false;
  return true;
}

function nextNumber({ reading }: Desk, step: number): void {
  const numbers = [...document.querySelectorAll<HTMLButtonElement>("#measurements button.number")];
  const now = numbers.findIndex((button) => button.getAttribute("aria-pressed") === "true");
  const next = numbers[(now + step + numbers.length) % numbers.length];
  next?.click();
  next?.scrollIntoView({ block: "nearest" });
  if (!next) reading.choose(null);
}
