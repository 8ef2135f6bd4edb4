// Two examinations of one person: both spines in one scene, and per level what has changed, against what can be detected.
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { getBytes, getJson, jobPath } from "./api";
import type { Comparison, Problem, Result, SegmentChange, Vec3 } from "./contract";
import { roomOf } from "./geometry";
import { format, unitOf } from "./numbers/format";
import { ProblemBody, problemOf } from "./panel/problem";
import type { Direction, Scene3D } from "./scene";
import { IntendedUse, Top } from "./shell";
import { startTheme } from "./theme";
import { readable, shortId } from "./wording";
import "./css/base.css";
import "./css/desk.css";
import "./css/numbers.css";
import "./css/compare.css";
import "./css/print.css";

type Side = Comparison["a"];

const nameOf = ({ reference, id, revision }: Side) => `${reference ?? shortId(id)}, revision ${revision}`;

function App({ a, b }: { a: string; b: string }) {
  const [comparison, setComparison] = useState<Comparison | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    if (b)
      getJson<Comparison>(`${jobPath(a)}/compare/${encodeURIComponent(b)}`).then(setComparison, (error) =>
        setProblem(problemOf(error)),
      );
  }, [a, b]);
  return (
    <>
      <Top>
        <h1 class="job-line">Comparison</h1>
      </Top>
      <main class="compare">
        <Pick a={a} b={b} />
        {problem && (
          <div class="problem" id="problem" role="alert">
            <ProblemBody problem={problem} />
          </div>
        )}
        {comparison && <Compared comparison={comparison} />}
      </main>
      <IntendedUse />
    </>
  );
}

function Pick({ a, b }: { a: string; b: string }) {
  return (
    <form class="filters card" action="compare.html">
      <label>
        First examination, job id
        <input name="a" required defaultValue={a} autocomplete="off" />
      </label>
      <label>
        Second examination, job id
        <input name="b" required defaultValue={b} autocomplete="off" />
      </label>
      <button type="submit" class="button">
        Compare
      </button>
    </form>
  );
}

function Compared({ comparison }: { comparison: Comparison }) {
  const { a, b, words, segments } = comparison;
  return (
    <>
      <section class="card">
        <h2>
          From {nameOf(a)} to {nameOf(b)}
        </h2>
        {words.length === 0 ? (
          <p>No change that is larger than what can be detected.</p>
        ) : (
          <ul id="changes">
            {words.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        )}
      </section>
      <Overlaid comparison={comparison} />
      <section class="card">
        <h2>Each level against the one below</h2>
        <p class="quiet small-print">
          Change ± its standard error, and the smallest change that can be detected with 95 %. Bold: larger than that.
        </p>
        <div id="segments" class="segments">
          {segments.map((segment) => (
            <Segment key={segment.upper} segment={segment} />
          ))}
        </div>
      </section>
      <Numbers comparison={comparison} />
    </>
  );
}

const TURNS = ["lateral", "sagittal", "axial"];
const WAYS = ["forward", "to the left", "up"];

function Segment({ segment }: { segment: SegmentChange }) {
  const { upper, lower, exceeds_mdc } = segment;
  return (
    <article class="segment" aria-label={`${upper}/${lower}`}>
      <h3>
        {upper}/{lower}
      </h3>
      <Axes
        names={TURNS}
        unit="deg"
        values={segment.rotation_deg}
        sigmas={segment.rotation_sigma_deg}
        limits={segment.rotation_mdc_deg}
        exceeds={exceeds_mdc?.rotation}
      />
      <Axes
        names={WAYS}
        unit="mm"
        values={segment.translation_mm}
        sigmas={segment.translation_sigma_mm}
        limits={segment.translation_mdc_mm}
        exceeds={exceeds_mdc?.translation}
      />
    </article>
  );
}

interface AxesProps {
  names: string[];
  unit: string;
  values: Vec3;
  sigmas: Vec3 | null;
  limits: Vec3 | null;
  exceeds?: boolean[];
}

function Axes({ names, unit, values, sigmas, limits, exceeds }: AxesProps) {
  return (
    <dl>
      {names.map((name, axis) => (
        <div key={name} class={exceeds?.[axis] ? "exceeds" : ""}>
          <dt>{name}</dt>
          <dd>
            <span class="value">
              {format(values[axis], unit)} {sigmas && `± ${format(sigmas[axis], unit)}`} {unitOf(unit)}
            </span>{" "}
            {limits && (
              <span class="quiet small-print">
                {exceeds?.[axis] ? "more than" : "not more than"} {format(limits[axis], unit)}
              </span>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Numbers({ comparison: { measurements } }: { comparison: Comparison }) {
  return (
    <section class="card">
      <h2>Numbers</h2>
      <div class="scroll" role="region" aria-label="Numbers of both examinations" tabIndex={0}>
        <table id="compared" class="compared">
          <thead>
            <tr>
              {["Number", "First", "Second", "Change", "Detectable"].map((head) => (
                <th key={head} scope="col">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {measurements.map(({ code, target, unit, a, b, change, mdc, exceeds_mdc }) => (
              <tr key={code + target} class={exceeds_mdc ? "exceeds" : ""}>
                <th scope="row">
                  {readable(code)}, {target}
                </th>
                <td>
                  {format(a, unit)} {unitOf(unit)}
                </td>
                <td>
                  {format(b, unit)} {unitOf(unit)}
                </td>
                <td>{format(change, unit)}</td>
                <td>{mdc === null ? "not known" : format(mdc, unit)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const LOOKS: [Direction, string][] = [
  ["ap", "AP"],
  ["lat", "LAT"],
  ["top", "Top"],
  ["oblique", "Reset"],
];

/** Both spines, laid on each other at the lowest level that both have. */
function Overlaid({ comparison: { a, b, a_from_b } }: { comparison: Comparison }) {
  const host = useRef<HTMLDivElement>(null);
  const scene = useRef<Scene3D | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => {
    const start = async () => {
      const [{ Scene3D }, result, first, second] = await Promise.all([
        import("./scene"),
        getJson<Result>(jobPath(a.id, "/result", a.revision)),
        getBytes(jobPath(a.id, "/spine.glb", a.revision)),
        getBytes(jobPath(b.id, "/spine.glb", b.revision)),
      ]);
      if (!host.current) return;
      scene.current = new Scene3D(host.current, roomOf(result.calibration, result.levels));
      await scene.current.add(first);
      await scene.current.add(second, { moved: a_from_b, ghost: true });
    };
    // Without WebGL the tables still serve.
    start().catch((error) => setFault(problemOf(error).detail ?? "no reason given"));
    return () => scene.current?.dispose();
  }, [a, b, a_from_b]);
  return (
    <figure class="panel overlaid">
      {fault ? (
        <p class="film scene unavailable">The 3D view is not available here: {fault}</p>
      ) : (
        <div id="scene" class="film scene" ref={host} />
      )}
      <figcaption>
        Coloured: {nameOf(a)}. Pale: {nameOf(b)}.
        <span class="button-row" role="group" aria-label="Viewing direction">
          {LOOKS.map(([direction, label]) => (
            <button key={direction} type="button" class="button small" onClick={() => scene.current?.look(direction)}>
              {label}
            </button>
          ))}
        </span>
      </figcaption>
    </figure>
  );
}

startTheme();
const query = new URLSearchParams(location.search);
render(<App a={query.get("a") ?? ""} b={query.get("b") ?? ""} />, document.getElementById("app") as HTMLElement);
