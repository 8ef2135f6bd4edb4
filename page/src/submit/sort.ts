// Files dropped anywhere, sorted by kind and by what their header or name says: AP film, lateral film, calibration.

export type Part = "ap" | "lat" | "calibration";
export const PARTS: Part[] = ["ap", "lat", "calibration"];

const HEAD_BYTES = 65536;
const PREAMBLE = 128;
const NAME_OF: [Part, RegExp][] = [
  ["ap", /(^|[^a-z])(ap|pa|frontal|coronal|face)([^a-z]|$)/i],
  ["lat", /(^|[^a-z])(lat|lateral|ll|rl|sagittal|profile?)([^a-z]|$)/i],
];
const FRONTAL = /^(AP|PA)/i;
const LATERAL = /^(LL|RL|LAT|LLAT|RLAT)/i;

export interface Sorted {
  file: File;
  part: Part | null;
  /** What decided: shown, so that a wrong guess is seen. */
  because: string;
}

export async function sortFiles(files: File[]): Promise<Sorted[]> {
  const sorted = await Promise.all(files.map(sortOne));
  const free = PARTS.filter((part) => part !== "calibration" && !sorted.some((each) => each.part === part));
  for (const each of sorted) {
    if (each.part || free.length === 0) continue;
    each.part = free.shift() ?? null;
    each.because = "the place that was left: check it";
  }
  return sorted;
}

async function sortOne(file: File): Promise<Sorted> {
  if (/\.json$/i.test(file.name) || file.type === "application/json")
    return { file, part: "calibration", because: "a JSON file" };
  const position = await viewPosition(file);
  if (position && FRONTAL.test(position)) return { file, part: "ap", because: `its header says ${position}` };
  if (position && LATERAL.test(position)) return { file, part: "lat", because: `its header says ${position}` };
  const named = NAME_OF.find(([, pattern]) => pattern.test(file.name.replace(/\.[^.]+$/, "")));
  return { file, part: named?.[0] ?? null, because: named ? "its name" : "" };
}

/** View Position (0018,5101) of a DICOM file, explicit or implicit little endian; null where there is none. */
async function viewPosition(file: File): Promise<string | null> {
  const bytes = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  if (text(PREAMBLE, PREAMBLE + 4) !== "DICM") return null;
  for (let at = PREAMBLE + 4; at + 8 < bytes.length; at += 1) {
    if (bytes[at] !== 0x18 || bytes[at + 1] !== 0 || bytes[at + 2] !== 0x01 || bytes[at + 3] !== 0x51) continue;
    const length = text(at + 4, at + 6) === "CS" ? bytes[at + 6] : bytes[at + 4];
    return text(at + 8, at + 8 + length).trim();
  }
  return null;
}
