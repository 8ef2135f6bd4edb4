// A refused pair: why, both films with what was recognised, and one click to exchange, mirror or turn them and try again.

import { useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { LEVELS } from "../anatomy";
import { follow, getStatus, ProblemError, revise } from "../api";
import type { Edit, JobStatus, Problem, Px, Recognition, ViewName } from "../contract";
import { VIEW_NAMES } from "../contract";
import { Canvas } from "../film/film";
import { FilmModel } from "../film/model";
import { ARROWS, listen } from "../film/pointer";
import { Reading } from "../reading";
import { editText, FILM, VIEWS } from "../wording";
import { ProblemBody, problemOf } from "./problem";
import { Progress } from "./progress";
import { Names } from "./quality";
import { NAME_STORAGE } from "./sign";

const CHANGES: [string, Edit][] = [
  ["Exchange AP and lateral", { type: "films", exchange: true }],
  ["Mirror AP", { type: "films", mirror: ["ap"] }],
  ["Mirror lateral", { type: "films", mirror: ["lat"] }],
  ["Turn AP by 180°", { type: "films", turn: ["ap"] }],
  ["Turn lateral by 180°", { type: "films", turn: ["lat"] }],
];

interface Props {
  status: JobStatus;
  recognition: Recognition;
  onRevised: () => void;
}

export function Refused({ status, recognition, onRevised }: Props) {
  const [running, setRunning] = useState<JobStatus | null>(null);
  const [problem, setProblem] = useState<Problem | null>(status.error);
  const [level, setLevel] = useState("L3");
  const [prompts, setPrompts] = useState<Prompts>({});
  const tryAgain = async (edits: Edit[]) => {
    setProblem(null);
    try {
      // Read again: what was tried before and failed has changed it, and nobody's work is overwritten here.
      const { etag } = await getStatus(status.id);
      const job = await revise(status.id, etag, sessionStorage.getItem(NAME_STORAGE) || "reader", edits);
      setRunning(job);
      const ended = await follow(job.id, setRunning);
      if (ended.state !== "succeeded") throw new ProblemError(ended.error ?? { title: `It was ${ended.state}` });
      onRevised();
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setRunning(null);
    }
  };
  const reading = useMemo(() => new Reading(), []);
  if (running) return <Progress status={running} title="Trying again" />;
  return (
    <section id="refused" class="refused">
      {problem && (
        <div id="problem" class="problem" role="alert">
          <h2>These films were not reconstructed</h2>
          <ProblemBody problem={problem} />
        </div>
      )}
      <div class="refused-films">
        {VIEW_NAMES.map((view) => (
          <RefusedFilm
            key={view}
            id={status.id}
            view={view}
            recognition={recognition}
            reading={reading}
            prompt={prompts[view] ?? null}
            onPoint={(position_px) => setPrompts({ ...prompts, [view]: { type: "prompt", view, level, position_px } })}
          />
        ))}
      </div>
      <Names result={recognition} />
      <p>
        {recognition.levels.length > 0
          ? `Recognised: ${recognition.levels.map((each) => each.level).join(", ")}, as marked.`
          : "No vertebra was recognised."}
      </p>
      <h2>Try again</h2>
      <div class="button-row" id="try-again">
        {CHANGES.map(([label, edit]) => (
          <button key={label} type="button" class="button" onClick={() => tryAgain([edit])}>
            {label}
          </button>
        ))}
      </div>
      <div class="button-row">
        <label>
          Or point out one vertebra on each film, or on one: it is looked for there, and all others are named after it.{" "}
          <select id="prompt-level" value={level} onChange={(event) => setLevel(event.currentTarget.value)}>
            {LEVELS.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <button
          type="button"
          class="button primary"
          id="look-there"
          disabled={Object.keys(prompts).length === 0}
          onClick={() => tryAgain(Object.values(prompts))}
        >
          {Object.values(prompts).map(editText).join(", ") || "Click the middle of its body on a film"}
        </button>
      </div>
      <p class="quiet small-print">With the keyboard: Tab to a film, arrow keys move the cross, Enter points there.</p>
      <p>
        <a class="button" href="./">
          New reconstruction
        </a>
      </p>
    </section>
  );
}

type Prompt = Extract<Edit, { type: "prompt" }>;
type Prompts = Partial<Record<ViewName, Prompt>>;

interface FilmProps {
  id: string;
  view: ViewName;
  recognition: Recognition;
  reading: Reading;
  prompt: Prompt | null;
  onPoint: (point: Px) => void;
}

/** On the screen, for one key. */
const STEP_PX = 4;

function RefusedFilm({ id, view, recognition, reading, prompt, onPoint }: FilmProps) {
  const [cross, setCross] = useState<Px | null>(null);
  const host = useRef<HTMLDivElement>(null);
  const drawing = useRef<SVGSVGElement>(null);
  const film = useMemo(() => new FilmModel({ view, ...recognition.films[view] }), [view, recognition]);
  useEffect(() => {
    film.load(id, true);
  }, [film]);
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const resize = () => film.resize(element.clientWidth, element.clientHeight);
    const observer = new ResizeObserver(resize);
    observer.observe(element);
    const stop = listen(element, film, { tool: () => "pan", hover: () => {}, click: onPoint });
    return () => {
      observer.disconnect();
      stop();
    };
  }, [film, onPoint]);
  useSignalEffect(() => {
    drawing.current?.style.setProperty("--px", String(1 / film.viewport.value.scale));
    drawing.current?.setAttribute("viewBox", film.viewBox());
  });
  const onKey = (event: KeyboardEvent) => {
    const { u, v, scale } = film.viewport.value;
    const at = cross ?? [u, v];
    const step = ARROWS[event.key];
    if (event.key === "Enter") onPoint(at);
    else if (!step) return;
    else {
      const reach = (event.shiftKey ? 10 : 1) * (STEP_PX / scale);
      setCross([at[0] + reach * step[0], at[1] + reach * step[1]]);
    }
    event.preventDefault();
  };
  return (
    <figure class="panel">
      <div
        id={`film-${view}`}
        ref={host}
        class="film tool-ruler"
        role="group"
        tabIndex={0}
        onKeyDown={onKey}
        onBlur={() => setCross(null)}
        aria-label={`${FILM[view]} film with what was recognised: arrow keys move a cross, Enter points out a vertebra`}
      >
        <Canvas reading={reading} film={film} />
        <svg ref={drawing} role="img" aria-label={`Recognised on the ${FILM[view]} film`}>
          {recognition.levels.map((found) => {
            const at = found[view]?.centre_px;
            return (
              at && (
                <g key={found.level} class="handle is-centre" data-level={found.level}>
                  <circle class="grip" cx={at[0]} cy={at[1]} />
                  <text class="label" x={at[0]} y={at[1]} dx="0.8em" dominant-baseline="central">
                    {found.level} {Math.round(100 * (found[view]?.probability ?? 0))} %
                  </text>
                </g>
              )
            );
          })}
          {cross && <path class="cursor" d={`M${cross[0] - 1e4},${cross[1]}h2e4M${cross[0]},${cross[1] - 1e4}v2e4`} />}
          {prompt && (
            <g class="handle" data-prompt={prompt.level}>
              <circle class="prompt" cx={prompt.position_px[0]} cy={prompt.position_px[1]} />
              <text
                class="label"
                x={prompt.position_px[0]}
                y={prompt.position_px[1]}
                dx="-0.9em"
                text-anchor="end"
                dominant-baseline="central"
              >
                {prompt.level}
              </text>
            </g>
          )}
        </svg>
      </div>
      <figcaption>{VIEWS[view]}, as sent</figcaption>
    </figure>
  );
}
