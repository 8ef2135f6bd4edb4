// Documents of the REST interface, as far as the page reads them. Lengths are mm, angles degrees, pixels (u, v).

export type ViewName = "ap" | "lat";
export type Vec3 = [number, number, number];
export type Px = [number, number];
export type Flag = "ok" | "review" | "bad";
export type Standing = "inside" | "borderline" | "outside";
export type ReviewState = "draft" | "accepted" | "rejected";

export const VIEW_NAMES: ViewName[] = ["ap", "lat"];

export interface Fault {
  pointer: string;
  message: string;
}

export interface Problem {
  title?: string;
  detail?: string | null;
  code?: string;
  status?: number;
  faults?: Fault[];
}

export interface Review {
  state: ReviewState;
  by: string | null;
  name: string | null;
  at: string | null;
  reason: string | null;
  revision: number;
}

export interface Inputs {
  ap_sha256: string;
  lat_sha256: string;
  study: string | null;
}

export interface JobStatus {
  id: string;
  state: "queued" | "running" | "succeeded" | "failed" | "rejected" | "cancelled";
  stage: string | null;
  progress: number;
  queue_position: number | null;
  attempt: number;
  created_at: string;
  updated_at: string;
  error: Problem | null;
  reference?: string | null;
  inputs?: Inputs | null;
  revision?: number;
  revision_of?: string | null;
  review?: Review | null;
}

export interface JobList {
  jobs: JobStatus[];
  next: string | null;
}

type Row4 = [number, number, number, number];

interface AnyView {
  pixel_spacing_mm: Px;
  columns: number;
  rows: number;
}

export interface MatrixView extends AnyView {
  type: "matrix";
  projection: [Row4, Row4, Row4];
}

export interface GeometryView extends AnyView {
  type: "geometry";
  source_mm: Vec3;
  detector_origin_mm: Vec3;
  detector_u_axis: Vec3;
  detector_v_axis: Vec3;
}

export interface SlotView extends AnyView {
  type: "slot";
  source_mm: Vec3;
  detector_origin_mm: Vec3;
  detector_u_axis: Vec3;
  scan_direction: Vec3;
}

export type CalibrationView = MatrixView | GeometryView | SlotView;

export interface Calibration {
  version: string;
  ap: CalibrationView;
  lat: CalibrationView;
}

export interface Norm {
  mean: number;
  sd: number;
  source: string;
  evidence?: "strong" | "moderate" | "weak";
  sex?: "female" | "male" | null;
}

export interface Measurement {
  code: string;
  name: string;
  target: string;
  value: number;
  unit: string;
  sigma: number | null;
  flag: "ok" | "model_based" | "low_confidence";
  norm: Norm | null;
  definition: string;
  standing?: Standing | null;
  stands_out?: boolean;
}

export interface Sighting {
  view: ViewName;
  position_px: Px;
  covariance_px2: [Px, Px];
  confidence: number;
}

export interface Landmark {
  name: string;
  model_mm: Vec3;
  ray_distance_mm?: number | null;
  sightings?: Sighting[];
}

export interface Fracture {
  kind: "wedge" | "biconcave" | "crush" | null;
  grade: number | null;
  probability: number;
}

export interface Quality {
  image_residual: number;
  ray_residual_mm: number | null;
  overlap_dice: number;
  surface_sigma_mm: number | null;
  height_loss?: number | null;
  fracture?: Fracture | null;
  flag: Flag;
  reasons: string[];
}

export interface LevelResult {
  level: string;
  detection_confidence?: number | null;
  landmarks: Landmark[];
  quality: Quality;
}

export interface Summary {
  compared: number;
  outside: number;
  borderline: number;
  expected_outside_by_chance: number;
  stands_out: { code: string; target: string; words: string }[];
}

export interface LevelNames {
  probability: number;
  one_lower: number;
  one_higher: number;
}

export interface LumbarCount {
  count: number;
  confidence: number;
}

export interface FemoralHead {
  centre_mm: Vec3;
  ap_px: Px;
  lat_px: Px;
  ray_distance_mm: number;
}

export interface Hips {
  left: FemoralHead;
  right: FemoralHead;
}

export interface Sacrum {
  absent?: string | null;
  hips?: Hips | null;
  pelvis?: string | null;
}

export interface Result {
  software: string;
  method: string;
  levels: LevelResult[];
  measurements: Measurement[];
  quality: Flag;
  notes: string[];
  lumbar_count?: LumbarCount | null;
  level_names?: LevelNames | null;
  films?: { view: ViewName; novelty: number | null }[];
  timings_s: Record<string, number>;
  assets: { name: string; sha256: string; version: string }[];
  versions: Record<string, string>;
  calibration: Calibration;
  summary?: Summary;
  sacrum?: Sacrum | null;
}

export interface OverlayLevel {
  outline: Px[][];
  landmarks?: Record<string, { model: Px; detected?: Px | null }>;
}

export interface OverlayView {
  width: number;
  height: number;
  levels: Record<string, OverlayLevel>;
}

export interface ConstructionPoint {
  mm: Vec3;
  sigma_mm: number | null;
  ap: { px: Px; sigma_px: Px | null };
  lat: { px: Px; sigma_px: Px | null };
}

export interface ConstructionLine {
  role: "plate" | "segment" | "axis" | "outline" | "reference";
  points: ConstructionPoint[];
}

export interface Construction {
  code: string;
  target: string;
  kind: "angle" | "length" | "offset" | "rotation" | "outline";
  value: number;
  unit: string;
  sigma: number | null;
  lines: ConstructionLine[];
}

interface Recognised {
  centre_px: Px;
  probability: number;
}

export interface FilmFacts {
  columns: number;
  rows: number;
  pixel_spacing_mm: Px;
  window: { low: number; high: number };
}

export interface Recognition {
  films: Record<ViewName, FilmFacts>;
  lumbar_count: LumbarCount | null;
  level_names: LevelNames | null;
  levels: { level: string; ap: Recognised | null; lat: Recognised | null }[];
}

export type Edit =
  | { type: "set_landmark"; view: ViewName; level: string; landmark: string; position_px: Px }
  | { type: "remove_landmark"; view: ViewName; level: string; landmark: string }
  | { type: "set_centre"; view: ViewName; level: string; position_px: Px }
  | { type: "rename"; from: string; direction: "up" | "down" | "all"; shift: number }
  | { type: "keep_levels"; levels: string[] }
  | { type: "set_hips"; ap_left_px: Px; ap_right_px: Px; lat_px: Px[] }
  | { type: "remove_hips" }
  | { type: "films"; exchange?: boolean; mirror?: ViewName[]; turn?: ViewName[] }
  | { type: "prompt"; view: ViewName; level: string; position_px: Px };

export interface RevisionEntry {
  revision: number;
  job_id: string;
  base: number | null;
  state: JobStatus["state"];
  by: string | null;
  name: string | null;
  at: string;
  edits: Edit[];
  error: Problem | null;
}

export interface SegmentChange {
  upper: string;
  lower: string;
  rotation_deg: Vec3;
  rotation_sigma_deg: Vec3 | null;
  rotation_mdc_deg: Vec3 | null;
  translation_mm: Vec3;
  translation_sigma_mm: Vec3 | null;
  translation_mdc_mm: Vec3 | null;
  exceeds_mdc: { rotation: boolean[]; translation: boolean[] } | null;
}

export interface Comparison {
  a: { id: string; revision: number; reference: string | null };
  b: { id: string; revision: number; reference: string | null };
  segments: SegmentChange[];
  measurements: {
    code: string;
    target: string;
    unit: string;
    a: number;
    b: number;
    change: number;
    sigma: number | null;
    mdc: number | null;
    exceeds_mdc: boolean | null;
  }[];
  words: string[];
  a_from_b: number[][];
}
