// Where a value lies in the reference population: the bar is the normal range, the whisker one standard error.
import type { Measurement } from "../contract";
import { deviationSd, format, NORMAL_RANGE_SD } from "./format";

const SIZE = { width: 108, height: 14, edge: 4 };
const REACH_SD = 4;

function at(deviation: number): number {
  const clamped = Math.max(-REACH_SD, Math.min(REACH_SD, deviation));
  return SIZE.edge + ((clamped + REACH_SD) / (2 * REACH_SD)) * (SIZE.width - 2 * SIZE.edge);
}

export function Strip({ measurement }: { measurement: Measurement }) {
  if (!measurement.norm) return null;
  const deviation = deviationSd(measurement);
  const whisker = (measurement.sigma ?? 0) / measurement.norm.sd;
  const label = `${format(deviation, "SD")} SD from the mean of the norm`;
  const [low, high] = [at(-NORMAL_RANGE_SD), at(NORMAL_RANGE_SD)];
  return (
    <svg class="strip" viewBox={`0 0 ${SIZE.width} ${SIZE.height}`} role="img" aria-label={label}>
      <line class="axis" x1={at(-REACH_SD)} x2={at(REACH_SD)} y1={7} y2={7} />
      <rect class="range" x={low} y={3} width={high - low} height={8} rx={4} />
      <line class="mean" x1={at(0)} x2={at(0)} y1={2} y2={12} />
      <line class="whisker" x1={at(deviation - whisker)} x2={at(deviation + whisker)} y1={7} y2={7} />
      <circle class="dot" cx={at(deviation)} cy={7} r={3.4} />
    </svg>
  );
}
