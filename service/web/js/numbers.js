// @ts-check
// Numbers with their uncertainty and their norm, as the page writes them.

const UNITS = { mm: "mm", deg: "°", "%": "%", cm3: "cm³", mm2: "mm²" };
const DECIMALS = { mm2: 0 };
export const NORMAL_RANGE_SD = 2;

export function unitOf(measurement) {
  return UNITS[measurement.unit] ?? measurement.unit;
}

// A true minus sign, and no "-0.0".
export function format(value, unit) {
  const text = value.toFixed(DECIMALS[unit] ?? 1);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

export function withUnit(measurement) {
  return `${format(measurement.value, measurement.unit)} ${unitOf(measurement)}`.replace(" °", "°");
}

// "± 1.2", or nothing where no standard error is stated.
export function spread({ sigma, unit }) {
  return sigma === null ? "" : `± ${format(sigma, unit)}`;
}

export function deviationSd({ value, norm }) {
  return norm ? (value - norm.mean) / norm.sd : null;
}

// "high", "low" or null: more than two standard deviations from the mean of the reference population.
export function outside(measurement) {
  const deviation = deviationSd(measurement);
  if (deviation === null || Math.abs(deviation) <= NORMAL_RANGE_SD) return null;
  return deviation > 0 ? "high" : "low";
}
