// What the fit has left on a film: bone that it does not cover, and fitted bone that is not seen.
import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Examination } from "../reading";
import type { FilmModel } from "./model";
import { CLEAR, differences, draw } from "./picture";

const COLOURS = differences();

export function Residual({ exam, film }: { exam: Examination; film: FilmModel }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    film.loadResidual(exam.id);
  }, [exam.id, film]);
  useSignalEffect(() => {
    const [picture, viewport, [width, height]] = [film.residual.value, film.viewport.value, film.size.value];
    const element = canvas.current;
    if (!element || !picture || width === 0) return;
    element.width = Math.round(width);
    element.height = Math.round(height);
    draw(element, picture, viewport, 1, COLOURS, CLEAR);
    element.dataset.drawn = "true";
  });
  return (
    <>
      <canvas ref={canvas} class="residual" />
      <p class="residual-scale">
        {film.residual.value === null ? "This result was made without it." : <Scale exam={exam} />}
      </p>
    </>
  );
}

function Scale({ exam }: { exam: Examination }) {
  const levels = exam.result.levels.map(({ level, quality }) => ({ level, left: quality.image_residual }));
  const worst = levels.reduce((most, each) => (each.left > most.left ? each : most));
  return (
    <>
      <span class="swatch is-uncovered" aria-hidden="true" /> bone that the fit does not cover
      <br />
      <span class="swatch is-unseen" aria-hidden="true" /> fitted bone that is not seen
      <br />
      Largest in {worst.level}: {worst.left.toFixed(3)} on average
    </>
  );
}
