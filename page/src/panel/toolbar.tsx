// What is shown and what a drag on a film does; every switch is a button, every key is listed behind "?".
import { useRef } from "preact/hooks";
import type { FilmModel } from "../film/model";
import { type Examination, LAYERS, type Reading, type Tool } from "../reading";

export const TOOLS: [Tool, string, string][] = [
  ["pan", "Move", "P"],
  ["window", "Window", "W"],
  ["zoom", "Zoom", "Z"],
  ["cursor", "Cursor", "X"],
  ["ruler", "Ruler", "L"],
  ["angle", "Angle", "A"],
  ["cobb", "Cobb", "B"],
];

export function forAll(films: FilmModel[], act: (film: FilmModel) => void): void {
  for (const film of films) act(film);
}

interface Props {
  reading: Reading;
  exam: Examination;
  films: FilmModel[];
  onFullScreen: () => void;
}

export function Toolbar({ reading, exam, films, onFullScreen }: Props) {
  const layers = reading.layers.value;
  const shown = exam.previous
    ? [...LAYERS, ["previous", `Outlines of revision ${exam.previous.revision}`] as const]
    : LAYERS;
  const isClose = films[0].isClose.value;
  return (
    <section class="toolbar" aria-label="What is shown">
      <div id="level-toggles" class="chips" role="group" aria-label="Vertebrae">
        {exam.result.levels.map(({ level }) => (
          <button
            key={level}
            type="button"
            class="chip level-chip"
            data-level={level}
            aria-pressed={reading.shown.value.has(level)}
            onClick={() => reading.toggleLevel(level)}
          >
            {level}
          </button>
        ))}
      </div>
      <div class="chips" role="group" aria-label="Tool on the films">
        {TOOLS.map(([tool, label, key]) => (
          <button
            key={tool}
            type="button"
            class="chip"
            data-tool={tool}
            aria-pressed={reading.tool.value === tool}
            aria-keyshortcuts={key}
            onClick={() => (reading.tool.value = tool)}
          >
            {label}
          </button>
        ))}
        {reading.marks.value.length > 0 && (
          <button type="button" class="chip" id="clear-marks" onClick={() => (reading.marks.value = [])}>
            Clear marks
          </button>
        )}
      </div>
      <details class="menu">
        <summary class="chip">Layers</summary>
        <div id="layer-toggles" class="menu-body" role="group" aria-label="Layers">
          {shown.map(([layer, label]) => (
            <button
              key={layer}
              type="button"
              class="chip"
              data-layer={layer}
              aria-pressed={layers[layer]}
              onClick={() => reading.toggleLayer(layer)}
            >
              {label}
            </button>
          ))}
        </div>
      </details>
      <div class="chips">
        <button type="button" class="chip" id="zoom" onClick={() => forAll(films, (film) => film.fit(!isClose))}>
          {isClose ? "Whole film" : "Zoom to spine"}
        </button>
        <button type="button" class="chip" id="one-to-one" onClick={() => forAll(films, (film) => film.oneToOne())}>
          1:1
        </button>
        <button
          type="button"
          class="chip"
          id="invert"
          aria-pressed={reading.invert.value}
          onClick={() => (reading.invert.value = !reading.invert.value)}
        >
          Invert
        </button>
        <button type="button" class="chip" id="full-screen" onClick={onFullScreen}>
          Full screen
        </button>
        <Keys />
      </div>
    </section>
  );
}

export const KEYS: [string, string][] = [
  ["P W Z X", "move, window, zoom, height cursor: what a drag on a film does"],
  ["L A B", "ruler, angle, Cobb: click the points, or arrow keys and Enter"],
  ["I", "invert"],
  ["+ −", "zoom in, zoom out"],
  ["O", "1:1, one pixel of the film on one of the screen"],
  ["=", "whole film, or back to the spine"],
  ["Space", "reset the film"],
  ["F", "full screen"],
  ["1 … 5", "choose L1 … L5"],
  ["N  ⇧N", "next number, number before"],
  ["E", "correct"],
  ["Esc", "choose nothing, leave the tool"],
  ["Arrow keys", "on a film: move it, or the cursor; in 3D: turn it; in the tables: next number"],
  ["Mouse", "wheel zooms, right button windows, middle button moves"],
  ["Touch", "two fingers zoom and move"],
];
export const KEYS_OFF = "lumbar3d.keys-off";

function Keys() {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button
        type="button"
        class="chip"
        id="keys"
        aria-label="Keys"
        aria-keyshortcuts="?"
        onClick={() => dialog.current?.showModal()}
      >
        ?
      </button>
      <dialog ref={dialog} class="dialog" id="keys-dialog" aria-labelledby="keys-title">
        <h2 id="keys-title">Keys</h2>
        <dl class="keys">
          {KEYS.map(([keys, words]) => (
            <div key={keys}>
              <dt>
                <kbd>{keys}</kbd>
              </dt>
              <dd>{words}</dd>
            </div>
          ))}
        </dl>
        <label class="choice">
          <input
            type="checkbox"
            checked={sessionStorage.getItem(KEYS_OFF) === null}
            onChange={(event) =>
              event.currentTarget.checked ? sessionStorage.removeItem(KEYS_OFF) : sessionStorage.setItem(KEYS_OFF, "1")
            }
          />
          Single letters are keys of this page
        </label>
        <form method="dialog">
          <button type="submit" class="button">
            Close
          </button>
        </form>
      </dialog>
    </>
  );
}
