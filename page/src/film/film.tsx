// One radiograph with what is drawn over it.
import { useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Px } from "../contract";
import { growsRight, pointOn, project, rayThrough } from "../geometry";
import { type Examination, POINTS_OF, type Reading } from "../reading";
import { FILM } from "../wording";
import { ChosenConstruction } from "./constructed";
import { Levels } from "./levels";
import { Marks } from "./marks";
import type { FilmModel } from "./model";
import { draw, lookup } from "./picture";
import { listen } from "./pointer";
import { Residual } from "./residual";

interface Props {
  reading: Reading;
  exam: Examination;
  film: FilmModel;
  onActive: (film: FilmModel) => void;
  onClick?: (point: Px) => boolean;
  children?: ComponentChildren;
}

export function Film({ reading, exam, film, onActive, onClick, children }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const { view } = film;
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const observer = new ResizeObserver(() => film.resize(element.clientWidth, element.clientHeight));
    observer.observe(element);
    film.resize(element.clientWidth, element.clientHeight);
    const stop = listen(element, film, {
      tool: () => reading.tool.value,
      hover: (point) => moveCursor(reading, exam, film, point),
      click: (point) => onClick?.(point) || click(reading, film, point),
    });
    return () => {
      observer.disconnect();
      stop();
    };
  }, [film, exam, onClick]);
  return (
    <div
      id={`film-${view}`}
      ref={host}
      class={`film tool-${reading.tool.value}`}
      role="group"
      tabIndex={0}
      aria-label={`${FILM[view]} film: arrow keys move it, plus and minus zoom, question mark lists all keys`}
      onFocus={() => onActive(film)}
      onPointerEnter={() => onActive(film)}
    >
      <Canvas reading={reading} film={film} />
      {reading.layers.value.residual && <Residual exam={exam} film={film} />}
      <Overlay reading={reading} exam={exam} film={film}>
        {children}
      </Overlay>
      <SideMarks exam={exam} film={film} />
      <Scale exam={exam} film={film} />
    </div>
  );
}

/** When something was there first, for `tests/e2e/budget.py`. */
export function once(mark: string): void {
  if (performance.getEntriesByName(mark).length === 0) performance.mark(mark);
}

export function Canvas({ reading, film }: { reading: Reading; film: FilmModel }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const waiting = useRef(0);
  useSignalEffect(() => {
    const [picture, viewport, window, [width, height]] = [
      film.picture.value,
      film.viewport.value,
      film.window.value,
      film.size.value,
    ];
    const invert = reading.invert.value;
    cancelAnimationFrame(waiting.current);
    waiting.current = requestAnimationFrame(() => {
      const element = canvas.current;
      if (!element || !picture || !window || width === 0) return;
      const ratio = Math.min(devicePixelRatio, 2);
      element.width = Math.round(width * ratio);
      element.height = Math.round(height * ratio);
      draw(element, picture, viewport, ratio, lookup(window, invert));
      element.dataset.drawn = film.isNative.value ? "native" : "small";
      once("first-film");
      if (film.isNative.value) once("native-film");
    });
  });
  return <canvas ref={canvas} class="picture" />;
}

function Overlay({ reading, exam, film, children }: Omit<Props, "onActive">) {
  const drawing = useRef<SVGSVGElement>(null);
  useSignalEffect(() => {
    const pixel = 1 / film.viewport.value.scale;
    drawing.current?.style.setProperty("--px", String(pixel));
    drawing.current?.setAttribute("viewBox", film.viewBox());
  });
  const names = exam.result.levels.map(({ level }) => level).join(", ");
  return (
    <svg
      ref={drawing}
      class={reading.layers.value.detected ? "shows-detected" : ""}
      role="group"
      aria-label={`${film.view.toUpperCase()} radiograph with the outlines of ${names}`}
    >
      <Levels reading={reading} exam={exam} film={film} />
      <ChosenConstruction reading={reading} exam={exam} film={film} />
      <Marks reading={reading} exam={exam} film={film} />
      <CursorLine reading={reading} exam={exam} film={film} />
      {children}
    </svg>
  );
}

function CursorLine({ reading, exam, film }: Omit<Props, "onActive">) {
  const cursor = reading.cursor.value;
  if (!cursor) return null;
  const calibration = exam.result.calibration[film.view];
  const [u, v] = project(calibration, cursor.point);
  if (!cursor.ray || cursor.from === film.view) {
    return <path class="cursor" d={`M${u - 1e4},${v}H${u + 1e4}M${u},${v - 1e4}V${v + 1e4}`} />;
  }
  const [a, b] = cursor.ray.map((point) => project(calibration, point));
  return <line class="cursor epipolar" x1={a[0]} y1={a[1]} x2={b[0]} y2={b[1]} />;
}

export function moveCursor(reading: Reading, exam: Examination, film: FilmModel, px: Px | null): void {
  if (!px) {
    reading.cursor.value = null;
    return;
  }
  const { centre } = exam.room;
  const calibration = exam.result.calibration[film.view];
  reading.cursor.value = {
    from: film.view,
    point: pointOn(calibration, px, centre),
    ray: rayThrough(calibration, px, centre),
  };
}

/** A click chooses a vertebra, or sets a point of the tool in hand. */
export function click(reading: Reading, film: FilmModel, point: Px): void {
  const tool = reading.tool.value;
  if (tool === "ruler" || tool === "angle" || tool === "cobb") {
    const last = reading.marks.value.at(-1);
    const isOpen = last && last.view === film.view && last.tool === tool && last.points.length < POINTS_OF[tool];
    const marks = isOpen ? reading.marks.value.slice(0, -1) : reading.marks.value;
    reading.marks.value = [...marks, { view: film.view, tool, points: [...(isOpen ? last.points : []), point] }];
    return;
  }
  const level = film.levelAt(point);
  reading.choose(level ? { kind: "level", level } : null);
}

const SIDES: Record<string, string> = { R: "patient's right", L: "patient's left", A: "anterior", P: "posterior" };

function SideMarks({ exam, film }: { exam: Examination; film: FilmModel }) {
  const grows = growsRight(exam.result.calibration[film.view], exam.room.centre, film.view === "ap" ? 1 : 0);
  const letters = film.view === "ap" ? (grows ? "RL" : "LR") : grows ? "PA" : "AP";
  return [...letters].map((letter, index) => (
    <span key={letter} class={`side-mark ${index === 0 ? "at-left" : "at-right"}`}>
      {letter}
      <span class="hidden-text"> {SIDES[letter]}</span>
    </span>
  ));
}

/** A bar of 50 mm at the patient. */
function Scale({ exam, film }: { exam: Examination; film: FilmModel }) {
  const { centre } = exam.room;
  const [a, b] = [
    project(exam.result.calibration[film.view], centre),
    project(exam.result.calibration[film.view], [centre[0], centre[1], centre[2] + 50]),
  ];
  const length = Math.hypot(a[0] - b[0], a[1] - b[1]) * film.viewport.value.scale;
  return (
    <span class="scale" style={{ height: `${length.toFixed(1)}px` }}>
      <span>50 mm</span>
    </span>
  );
}
