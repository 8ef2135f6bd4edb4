// The chosen number with all that is known of it: error, norm and its source, standing, definition, doubts.
import type { Measurement } from "../contract";
import type { Examination, Reading } from "../reading";
import { deviationSd, format, isWeak, spread, standing, unitOf, withUnit } from "./format";
import { Strip } from "./strip";

export const FLAGS = {
  model_based: "The images say little about this: the value comes mostly from the shape model.",
  low_confidence: "Low confidence: a vertebra that it is measured on fits the images poorly.",
};

const EVIDENCE = {
  strong: "strong evidence",
  moderate: "moderate evidence",
  weak: "weak evidence: never counted as standing out",
};

export function Chosen({ reading, exam }: { reading: Reading; exam: Examination }) {
  const choice = reading.choice.value;
  const chosen =
    choice?.kind === "number" &&
    exam.result.measurements.find(({ code, target }) => code === choice.code && target === choice.target);
  return (
    <section id="chosen" class={`chosen${chosen ? " is-there" : ""}`} aria-label="The chosen number" aria-live="polite">
      {chosen ? (
        <Detail
          measurement={chosen}
          exam={exam}
          onClose={() => reading.choose(null)}
          onChoose={(each) => reading.chooseNumber(each)}
        />
      ) : (
        <Hint />
      )}
    </section>
  );
}

const SEXES = { female: "women", male: "men" };

function Hint() {
  return (
    <p class="quiet">
      Choose a number: its construction is drawn on both films and in 3D, with a band of one standard error. Choose a
      vertebra to see its numbers.
    </p>
  );
}

interface DetailProps {
  measurement: Measurement;
  exam: Examination;
  onClose: () => void;
  onChoose: (measurement: Measurement) => void;
}

function Detail(props: DetailProps) {
  const { measurement, exam, onClose } = props;
  const { name, target, value, unit, definition, norm, flag } = measurement;
  const before = exam.previous?.result.measurements.find(
    (each) => each.code === measurement.code && each.target === target,
  );
  const said = exam.result.summary?.stands_out.find((each) => each.code === measurement.code && each.target === target);
  return (
    <>
      <div class="chosen-head">
        <h2>
          {name}, {target}
        </h2>
        <button type="button" class="button small" onClick={onClose} aria-label="Choose no number">
          ×
        </button>
      </div>
      <p class="chosen-value">
        <strong>{withUnit({ value, unit })}</strong>{" "}
        <span class="quiet">
          {spread(measurement)} {unitOf(unit)}, one standard error
        </span>
        {before && <span class="was"> before: {withUnit(before)}</span>}
      </p>
      {norm ? (
        <Against measurement={measurement} />
      ) : (
        <p class="quiet">No reference figure of this definition is known.</p>
      )}
      <MadeUpOf measurement={measurement} exam={exam} onChoose={props.onChoose} />
      {said && <p>This is {said.words}.</p>}
      <p class="definition">{definition}</p>
      {flag !== "ok" && <p class="quiet">{FLAGS[flag]}</p>}
    </>
  );
}

/** The segments that add up to the lordosis, with the body of the last vertebra, which a wedge backwards adds to. */
function MadeUpOf({ measurement, exam, onChoose }: Omit<DetailProps, "onClose">) {
  if (measurement.code !== "lumbar_lordosis") return null;
  const last = measurement.target.slice(-2);
  const parts = exam.result.measurements.filter(
    ({ code, target }) => code === "segmental_lordosis" || (code === "body_wedge_sagittal" && target === last),
  );
  if (parts.length === 0) return null;
  const share = ({ code, value }: Measurement) => (code === "segmental_lordosis" ? value : -value);
  return (
    <p id="made-up-of" class="button-row">
      <span class="quiet">Made up of</span>
      {parts.map((part) => (
        <button key={part.code + part.target} type="button" class="button small" onClick={() => onChoose(part)}>
          {part.code === "segmental_lordosis" ? part.target : `body of ${part.target}`}{" "}
          {withUnit({ value: share(part), unit: part.unit })}
        </button>
      ))}
    </p>
  );
}

function Against({ measurement }: { measurement: Measurement }) {
  const { norm, unit } = measurement;
  if (!norm) return null;
  const where = standing(measurement);
  const high = deviationSd(measurement) > 0 ? "Above" : "Below";
  const words = {
    inside: "Inside the normal range",
    borderline: "Borderline: the limit of the normal range lies within this number's error",
    outside: `${high} the normal range`,
  };
  return (
    <div class={`against ${where ?? ""}${isWeak(measurement) ? " weak" : ""}`}>
      <Strip measurement={measurement} />
      <p>
        {where && words[where]}. Norm{norm.sex ? ` of ${SEXES[norm.sex]}` : ""} {format(norm.mean, unit)} ±{" "}
        {format(norm.sd, unit)} {unitOf(unit)} (SD)
        {norm.evidence ? `, ${EVIDENCE[norm.evidence]}` : ""}.
      </p>
      <p class="quiet">Source: {norm.source}.</p>
    </div>
  );
}
