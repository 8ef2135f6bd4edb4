// What the reader has chosen to see, shared by films, 3D view and numbers.
import { type Signal, signal } from "@preact/signals";
import { LEVELS, levelsOf } from "./anatomy";
import type {
  Construction,
  JobStatus,
  Measurement,
  OverlayView,
  Px,
  Recognition,
  Result,
  Vec3,
  ViewName,
} from "./contract";
import type { Room } from "./geometry";

export type Choice = { kind: "number"; code: string; target: string } | { kind: "level"; level: string };
export type Tool = "pan" | "window" | "zoom" | "cursor" | "ruler" | "angle" | "cobb";
export type Layer = "outlines" | "landmarks" | "detected" | "labels" | "ellipses" | "residual" | "error" | "previous";

export const LAYERS: [Layer, string][] = [
  ["outlines", "Outlines"],
  ["labels", "Labels"],
  ["landmarks", "Model landmarks"],
  ["detected", "Detected landmarks"],
  ["ellipses", "Their error"],
  ["residual", "Film less fit"],
  ["error", "Surface error in 3D"],
];

/** A point of the room under the pointer: in the film it came from it is sharp, in the other it lies on the line. */
export interface Cursor {
  from: ViewName | "scene";
  point: Vec3;
  ray: [Vec3, Vec3] | null;
}

export interface Examination {
  id: string;
  status: JobStatus;
  etag: string;
  result: Result;
  overlay: Record<ViewName, OverlayView>;
  room: Room;
  constructions: Construction[];
  recognition: Recognition | null;
  /** Measurements and outlines of the revision before, where the reader has just made a new one. */
  previous: { result: Result; overlay: Record<ViewName, OverlayView>; revision: number } | null;
}

export class Reading {
  readonly choice: Signal<Choice | null> = signal(null);
  readonly shown: Signal<ReadonlySet<string>> = signal(new Set(LEVELS));
  readonly layers: Signal<Record<Layer, boolean>> = signal({
    outlines: true,
    labels: true,
    landmarks: false,
    detected: false,
    ellipses: false,
    residual: false,
    error: false,
    previous: false,
  });
  readonly cursor: Signal<Cursor | null> = signal(null);
  readonly tool: Signal<Tool> = signal("pan");
  readonly invert: Signal<boolean> = signal(false);
  readonly filter: Signal<string | null> = signal(null);
  readonly marks: Signal<Mark[]> = signal([]);

  toggleLevel(level: string): void {
    const next = new Set(this.shown.value);
    if (!next.delete(level)) next.add(level);
    this.shown.value = next;
  }

  toggleLayer(layer: Layer): void {
    this.layers.value = { ...this.layers.value, [layer]: !this.layers.value[layer] };
  }

  choose(choice: Choice | null): void {
    this.choice.value = choice;
    if (choice?.kind === "level") this.filter.value = choice.level;
  }

  chooseNumber({ code, target }: Measurement): void {
    this.choose({ kind: "number", code, target });
  }

  /** Vertebrae that the choice is about; empty where nothing is chosen. */
  chosenLevels(): string[] {
    const choice = this.choice.value;
    if (!choice) return [];
    return choice.kind === "level" ? [choice.level] : levelsOf(choice.target);
  }

  isDimmed(level: string): boolean {
    const chosen = this.chosenLevels();
    return chosen.length > 0 && !chosen.includes(level);
  }
}

/** What the reader has drawn with ruler, angle or Cobb tool. */
export interface Mark {
  view: ViewName;
  tool: "ruler" | "angle" | "cobb";
  points: Px[];
}

export const POINTS_OF = { ruler: 2, angle: 3, cobb: 4 } as const;
