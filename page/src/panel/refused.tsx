// A refused pair: why, both films with what was recognised, and one click to exchange, mirror or turn them and try again.

import { useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { LEVELS } from "../anatomy";
import { follow, getStatus, ProblemError, revise } from "../api";
import type { Edit, JobStatus, Problem, Px, Recognition, ViewName } from "../contract";
import { VIEW_NAMES } from "../contract";
import { Canvas } from "../film/film";
import { FilmModel } from "../film/model";
import { listen } from "../film/pointer";
import { Reading } from "../reading";
import { FILM, VIEWS } from "../wording";
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
  const [level, setLevel] = useState<string | null>(null);
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
            onPoint={level ? (position_px) => tryAgain([{ type: "prompt", view, level, position_px }]) : null}
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
          Or name one vertebra: choose it, then click its body on a film{" "}
          <select value={level ?? ""} onChange={(event) => setLevel(event.currentTarget.value || null)}>
            <option value="">none</option>
            {LEVELS.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      </div>
      <p>
        <a class="button" href="./">
          New reconstruction
        </a>
      </p>
    </section>
  );
}

interface FilmProps {
  id: string;
  view: ViewName;
  recognition: Recognition;
  reading: Reading;
  onPoint: ((point: Px) => void) | null;
}

function RefusedFilm({ id, view, recognition, reading, onPoint }: FilmProps) {
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
    const stop = listen(element, film, { tool: () => "pan", hover: () => {}, click: (point) => onPoint?.(point) });
    return () => {
      observer.disconnect();
      stop();
    };
  }, [film, onPoint]);
  useSignalEffect(() => {
    drawing.current?.style.setProperty("--px", String(1 / film.viewport.value.scale));
    drawing.current?.setAttribute("viewBox", film.viewBox());
  });
  return (
    <figure class="panel">
      <div
        id={`film-${view}`}
        ref={host}
        class={`film${onPoint ? " tool-ruler" : ""}`}
        role="group"
        aria-label={`${FILM[view]} film with what was recognised`}
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
        </svg>
      </div>
      <figcaption>{VIEWS[view]}, as sent</figcaption>
    </figure>
  );
}
