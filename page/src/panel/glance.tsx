// The figures that a reader looks for first, and what stands out.
import type { Measurement } from "../contract";
import { side, spread, standing, standsOut, withUnit } from "../numbers/format";
import type { Examination, Reading } from "../reading";

const HEADLINES: [string, string][] = [
  ["lumbar_lordosis_to_s1", "Lordosis L1-S1"],
  ["lumbar_lordosis", "Lordosis L1-L5"],
  ["pelvic_incidence", "Pelvic incidence"],
  ["pelvic_incidence_less_lordosis", "PI-LL"],
  ["cobb_coronal", "Coronal Cobb angle"],
  ["slip_sagittal", "Largest sagittal slip"],
  ["axial_rotation", "Largest axial rotation"],
];

function largest(measurements: Measurement[], code: string): Measurement | null {
  return measurements
    .filter((measurement) => measurement.code === code)
    .reduce<Measurement | null>(
      (most, item) => (most && Math.abs(most.value) >= Math.abs(item.value) ? most : item),
      null,
    );
}

export function Glance({ reading, exam }: { reading: Reading; exam: Examination }) {
  const { measurements } = exam.result;
  return (
    <section id="glance" class="glance" aria-label="At a glance">
      {HEADLINES.map(([code, label]) => {
        const chosen = largest(measurements, code);
        return chosen && <Figure key={code} label={label} measurement={chosen} reading={reading} />;
      })}
      <StandsOut reading={reading} exam={exam} />
      {!measurements.some(({ target }) => target.includes("S1")) && (
        <p class="quiet small-print missing">
          The sacrum is not reconstructed: there is no L1-S1 lordosis, no L5/S1 disc or slip, no pelvic incidence or
          tilt, and L1-L5 lordosis is not comparable with tables of L1-S1.
        </p>
      )}
      <Pelvis exam={exam} />
    </section>
  );
}

/** Why there is no incidence though S1 is measured, and what would give it. */
function Pelvis({ exam }: { exam: Examination }) {
  const { sacrum } = exam.result;
  if (sacrum?.pelvis === "no_plate")
    return <p class="quiet small-print missing">The femoral heads are placed, but S1 is not measured: no incidence.</p>;
  if (!sacrum || sacrum.absent || sacrum.hips) return null;
  return (
    <p class="quiet small-print missing">
      Pelvic incidence, tilt and PI-LL: place the femoral heads under “Correct”, where both films show them.
    </p>
  );
}

function Figure({ label, measurement, reading }: { label: string; measurement: Measurement; reading: Reading }) {
  const where = standing(measurement);
  const words =
    where === "outside" ? `${side(measurement)} for the norm` : where === "borderline" ? "borderline" : null;
  const flag = { ok: null, model_based: "model", low_confidence: "unsure" }[measurement.flag];
  return (
    <button
      type="button"
      class={`figure ${standsOut(measurement) ? "stands-out" : ""}`}
      onClick={() => reading.chooseNumber(measurement)}
    >
      <span class="name">{label}</span>
      <span class="value">
        {withUnit(measurement)} <small>{spread(measurement)}</small>
      </span>
      <span class="quiet">{[measurement.target, words, flag].filter(Boolean).join(", ")}</span>
    </button>
  );
}

function StandsOut({ reading, exam }: { reading: Reading; exam: Examination }) {
  const { measurements, summary } = exam.result;
  const out = measurements.filter(standsOut);
  const compared = measurements.filter(({ norm }) => norm);
  const outside = compared.filter((each) => standing(each) === "outside").length;
  const borderline = compared.filter((each) => standing(each) === "borderline").length;
  const said = (each: Measurement) =>
    summary?.stands_out.find(({ code, target }) => code === each.code && target === each.target)?.words ??
    `${each.name} ${side(each)} for the norm`;
  return (
    <div class="stands-out-box">
      <h2>What stands out</h2>
      {out.length === 0 ? (
        <p>Nothing that can be relied on.</p>
      ) : (
        <ul>
          {out.map((each) => (
            <li key={each.code + each.target}>
              <button type="button" class="link" onClick={() => reading.chooseNumber(each)}>
                {each.target}: {withUnit(each)}
              </button>{" "}
              {said(each)}
            </li>
          ))}
        </ul>
      )}
      <p class="quiet small-print">
        {summary?.compared ?? compared.length} numbers compared with a norm: {summary?.outside ?? outside} outside,{" "}
        {summary?.borderline ?? borderline} borderline.{" "}
        {(summary?.expected_outside_by_chance ?? 0.0455 * compared.length).toFixed(1)} outside are expected in a healthy
        person by chance.
      </p>
    </div>
  );
}
