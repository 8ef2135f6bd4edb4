// Numbers with their uncertainty and their norm, as the page writes them.
import type { Measurement, Standing } from "../contract";

const UNITS: Record<string, string> = { mm: "mm", deg: "°", "%": "%", cm3: "cm³", mm2: "mm²" };
const DECIMALS: Record<string, number> = { mm2: 0 };
export const NORMAL_RANGE_SD = 2;

export function unitOf(unit: string): string {
  return UNITS[unit] ?? unit;
}

/** A true minus sign, and no "-0.0". */
export function format(value: number, unit: string): string {
  const text = value.toFixed(DECIMALS[unit] ?? 1);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

export function withUnit({ value, unit }: { value: number; unit: string }): string {
  return `${format(value, unit)} ${unitOf(unit)}`.replace(" °", "°");
}

/** "± 1.2", or nothing where no standard error is stated. */
export function spread({ sigma, unit }: { sigma: number | null; unit: string }): string {
  return sigma === null ? "" : `± ${format(sigma, unit)}`;
}

export function deviationSd({ value, norm }: Measurement): number {
  return norm ? (value - norm.mean) / norm.sd : 0;
}

/** Against mean ± 2 SD, with the number's own error; documents of older versions do not say it themselves. */
export function standing(measurement: Measurement): Standing | null {
  const { value, norm, sigma } = measurement;
  if (measurement.standing) return measurement.standing;
  if (!norm || sigma === null) return null;
  const beyond = Math.abs(value - norm.mean) - NORMAL_RANGE_SD * norm.sd;
  if (beyond > 2 * sigma) return "outside";
  return beyond < -sigma ? "inside" : "borderline";
}

/** "high", "low", or null inside the norm. */
export function side(measurement: Measurement): "high" | "low" | null {
  const where = standing(measurement);
  if (where === null || where === "inside") return null;
  return deviationSd(measurement) > 0 ? "high" : "low";
}

export function isWeak({ norm }: Measurement): boolean {
  return norm?.evidence ? norm.evidence === "weak" : /estimate|MRI of 14/.test(norm?.source ?? "");
}

/** What a reader should look at first: clearly outside a norm that can be relied on. */
export function standsOut(measurement: Measurement): boolean {
  if (measurement.stands_out !== undefined) return measurement.stands_out;
  return standing(measurement) === "outside" && !isWeak(measurement) && measurement.flag === "ok";
}
