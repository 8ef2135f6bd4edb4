// How far the whole result, and each vertebra, can be trusted; what would cure a doubt.
import type { Flag, LevelResult, Quality, Result } from "../contract";
import type { Reading } from "../reading";
import { cureOf, noteText, QUALITY, reasonText } from "../wording";

const COLUMNS: [keyof LevelResult["quality"], string, number, string][] = [
  ["image_residual", "Image residual", 3, ""],
  ["ray_residual_mm", "Ray distance", 1, " mm"],
  ["overlap_dice", "Overlap", 2, ""],
  ["surface_sigma_mm", "Surface error", 2, " mm"],
];

export function Pill({ flag, prefix = "" }: { flag: Flag; prefix?: string }) {
  const { style, label } = QUALITY[flag];
  return <span class={`pill ${style}`}>{prefix + label}</span>;
}

/** Reasons in words; of a fracture with its kind and grade, where there were levels to compare with. */
function reasonsOf({ reasons, fracture }: Quality): string {
  const seen = fracture?.kind ? `${fracture.kind}, grade ${fracture.grade}, ` : "";
  const told = fracture ? ` (${seen}probability ${percent(fracture.probability)})` : "";
  return reasons.map((code) => reasonText(code) + (code.startsWith("fracture_") ? told : "")).join(", ");
}

interface Doubt {
  words: string;
  cure: string | null;
  level: string | null;
}

/** Reasons for the quality, worst first: those of the pair, then each poor or doubtful vertebra. */
export function doubtsOf(result: Result): Doubt[] {
  const ofPair = result.notes.map((note) => ({ words: noteText(note), cure: cureOf(note), level: null }));
  const grade: Record<Flag, number> = { bad: 0, review: 1, ok: 2 };
  const ofLevels = result.levels
    .filter(({ quality }) => quality.flag !== "ok")
    .sort((a, b) => grade[a.quality.flag] - grade[b.quality.flag])
    .map(({ level, quality }) => ({
      words: `${level} ${QUALITY[quality.flag].label.toLowerCase()}: ${reasonsOf(quality) || "no reason given"}.`,
      cure: quality.reasons.map(cureOf).find(Boolean) ?? null,
      level,
    }));
  return [...ofPair.filter(({ cure }) => cure), ...ofLevels, ...ofPair.filter(({ cure }) => !cure)];
}

/** At the top of the numbers, where the quality is less than good. */
export function Doubts({ result, reading }: { result: Result; reading: Reading }) {
  const doubts = doubtsOf(result);
  if (doubts.length === 0) return null;
  return (
    <section class={`doubts ${QUALITY[result.quality].style}`} aria-label="What to look at first">
      <p>
        <Pill flag={result.quality} prefix="Quality: " /> {QUALITY[result.quality].meaning}
      </p>
      <ul id="notes">
        {doubts.map(({ words, cure, level }) => (
          <li key={words}>
            {words}
            {cure && <span class="cure"> {cure}</span>}
            {level && (
              <button type="button" class="link" onClick={() => reading.choose({ kind: "level", level })}>
                Show {level}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

export function QualityTable({ result, reading }: { result: Result; reading: Reading }) {
  return (
    <section class="section" id="quality" aria-labelledby="quality-title">
      <h2 id="quality-title">Quality of each vertebra</h2>
      <Names result={result} />
      <table class="quality">
        <thead>
          <tr>
            {["Vertebra", "Quality", ...COLUMNS.map(([, label]) => label), "Reasons"].map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {result.levels.map((level) => (
            <Row key={level.level} level={level} reading={reading} isByHand={isNamedByHand(result)} />
          ))}
        </tbody>
      </table>
      <p class="quiet small-print">
        Image residual: mean difference of projected model and film, 0 to 1. Ray distance: by how much the rays of its
        landmarks miss each other. Overlap: fitted and detected silhouette, 1 is perfect. Surface error: one standard
        error. The worse view counts.
      </p>
    </section>
  );
}

/** Names that somebody has given carry no probability. */
function isNamedByHand({ notes, level_names }: Result): boolean {
  return notes.includes("edited") && !level_names;
}

interface RowProps {
  level: LevelResult;
  reading: Reading;
  isByHand: boolean;
}

function Row({ level: { level, quality, detection_confidence }, reading, isByHand }: RowProps) {
  const choice = reading.choice.value;
  const isChosen = choice?.kind === "level" && choice.level === level;
  return (
    <tr>
      <th scope="row">
        <button
          type="button"
          class="chip level-chip"
          data-level={level}
          aria-pressed={isChosen}
          onClick={() => reading.choose(isChosen ? null : { kind: "level", level })}
        >
          {level}
        </button>
        {isByHand ? (
          <span class="quiet"> named by a reader</span>
        ) : (
          detection_confidence != null && <span class="quiet"> named with {percent(detection_confidence)}</span>
        )}
      </th>
      <td>
        <Pill flag={quality.flag} />
      </td>
      {COLUMNS.map(([name, label, decimals, unit]) => (
        <td key={name} data-label={label}>
          {/* A value that does not exist (no landmark was seen in both views) comes as null. */}
          {quality[name] == null ? "none" : (quality[name] as number).toFixed(decimals) + unit}
        </td>
      ))}
      <td class="reasons" data-label="Reasons">
        {reasonsOf(quality) || "none"}
      </td>
    </tr>
  );
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0.99 || share < 0.01 ? 1 : 0)} %`;
}

/** How many vertebrae are lumbar, and whether they have their right names. */
export function Names({ result }: { result: Pick<Result, "lumbar_count" | "level_names"> }) {
  const { lumbar_count: count, level_names: names } = result;
  if (!count && !names) return null;
  return (
    <p class="names">
      {count && `${count.count} lumbar vertebrae (${percent(count.confidence)}). `}
      {names &&
        `Level names right with ${percent(names.probability)}; one too high ${percent(names.one_lower)}, one too low ${percent(names.one_higher)}.`}
    </p>
  );
}
