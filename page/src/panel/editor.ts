// What the reader corrects: edits in their order, and where every centre and landmark lies with them.
import { computed, type Signal, signal } from "@preact/signals";
import type { Edit, Px, ViewName } from "../contract";
import { VIEW_NAMES } from "../contract";
import type { FilmModel } from "../film/model";
import { placed } from "../geometry";
import type { Examination } from "../reading";
import { HIPS, headRadius_px, hipsEdit, knownHeads } from "./hips";

export const CENTRE = "centre";
/** Of these two the centre of the body is made where the networks did not give it. */
const PLATES = ["sup_endplate_centre", "inf_endplate_centre"];

export interface Place {
  view: ViewName;
  level: string;
  landmark: string;
}

export type Placing = Place | { view: ViewName; level: string; landmark: "prompt" };

export class Editor {
  readonly isActive: Signal<boolean> = signal(false);
  readonly level: Signal<string>;
  readonly edits: Signal<Edit[]> = signal([]);
  readonly placing: Signal<Placing | null> = signal(null);
  /** Femoral heads by film and name, before they are enough for an edit too. */
  readonly heads: Signal<ReadonlyMap<string, Px>>;
  readonly headRadius_px: Record<ViewName, number>;
  readonly levels: string[];
  private readonly automatic: Map<string, Px>;
  private readonly known: ReadonlyMap<string, Px>;

  constructor(
    exam: Examination,
    readonly films: Record<ViewName, FilmModel>,
  ) {
    this.automatic = automaticPlaces(exam, films);
    this.known = knownHeads(exam);
    this.heads = signal(this.known);
    this.headRadius_px = { ap: headRadius_px(exam, "ap"), lat: headRadius_px(exam, "lat") };
    this.levels = exam.result.levels.map(({ level }) => level);
    this.level = signal(exam.result.levels[0]?.level ?? "L1");
  }

  /** Where everything lies with the edits so far; what is removed, or was never seen, is not there. */
  readonly places = computed(() => {
    const places = new Map(this.automatic);
    for (const edit of this.edits.value) apply(places, edit);
    for (const key of places.keys()) if (!this.kept.value.includes(key.split(" ")[1])) places.delete(key);
    return places;
  });

  place(place: Place): Px | null {
    if (place.level === HIPS) return this.heads.value.get(headOf(place)) ?? null;
    return this.places.value.get(keyOf(place)) ?? null;
  }

  set(place: Place, position: Px): void {
    const at: Px = [round(position[0]), round(position[1])];
    const { view, level, landmark } = place;
    if (level === HIPS) this.setHeads(new Map(this.heads.value).set(headOf(place), at));
    else if (landmark === CENTRE) this.put({ type: "set_centre", view, level, position_px: at });
    else this.put({ type: "set_landmark", view, level, landmark, position_px: at });
  }

  /** Put what is to be placed on this film there; whether there was anything. */
  placeAt(view: ViewName, point: Px): boolean {
    const placing = this.placing.value;
    if (placing?.view !== view) return false;
    if (placing.landmark === "prompt") this.prompt(view, placing.level, point);
    else this.set(placing, point);
    return true;
  }

  prompt(view: ViewName, level: string, position: Px): void {
    this.put({ type: "prompt", view, level, position_px: [round(position[0]), round(position[1])] });
  }

  /** With heads enough they are an edit; without any, those that the result knows are removed. */
  private setHeads(heads: ReadonlyMap<string, Px>): void {
    const edit: Edit | null = heads.size === 0 && this.known.size > 0 ? { type: "remove_hips" } : hipsEdit(heads);
    this.heads.value = heads;
    this.placing.value = null;
    if (edit) this.put(edit);
    else this.edits.value = this.edits.value.filter((each) => aboutOf(each) !== HIPS);
  }

  removeHeads(): void {
    this.setHeads(new Map());
  }

  /** A landmark is none; a vertebra without a centre is none at all. */
  remove({ view, level, landmark }: Place): void {
    if (level === HIPS) {
      const heads = new Map(this.heads.value);
      heads.delete(headOf({ view, landmark }));
      this.setHeads(heads);
    } else if (landmark !== CENTRE) this.put({ type: "remove_landmark", view, level, landmark });
    else if (this.kept.value.length > 1) this.toggle(level);
  }

  readonly kept = computed(() => {
    const edit = this.edits.value.find((each) => each.type === "keep_levels");
    return edit?.type === "keep_levels" ? edit.levels : this.levels;
  });

  /** Leave a vertebra out, or take it in again. */
  toggle(level: string): void {
    const kept = this.levels.filter((each) => (each === level) !== this.kept.value.includes(each));
    this.put({ type: "keep_levels", levels: kept });
  }

  /** An edit takes the place of an earlier one on the same thing; finding all again does not go with moving points. */
  put(edit: Edit): void {
    const stays = (each: Edit) => aboutOf(each) !== aboutOf(edit) && runsAgain(each) === runsAgain(edit);
    this.edits.value = [...this.edits.value.filter(stays), edit];
    this.placing.value = null;
  }

  undo(): void {
    const last = this.edits.value.at(-1);
    if (last && aboutOf(last) === HIPS) this.heads.value = this.known;
    this.edits.value = this.edits.value.slice(0, -1);
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export function keyOf({ view, level, landmark }: Place): string {
  return `${view} ${level} ${landmark}`;
}

function headOf({ view, landmark }: Pick<Place, "view" | "landmark">): string {
  return `${view} ${landmark}`;
}

function runsAgain({ type }: Edit): boolean {
  return type === "films" || type === "prompt";
}

function aboutOf(edit: Edit): string {
  switch (edit.type) {
    case "set_landmark":
    case "remove_landmark":
      return keyOf(edit);
    case "set_centre":
      return keyOf({ ...edit, landmark: CENTRE });
    case "prompt":
      return `prompt ${edit.view}`;
    case "set_hips":
    case "remove_hips":
      return HIPS;
    default:
      return edit.type;
  }
}

function apply(places: Map<string, Px>, edit: Edit): void {
  if (edit.type === "set_landmark") places.set(keyOf(edit), edit.position_px);
  if (edit.type === "remove_landmark") places.delete(keyOf(edit));
  if (edit.type !== "set_centre") return;
  const before = places.get(keyOf({ ...edit, landmark: CENTRE }));
  places.set(keyOf({ ...edit, landmark: CENTRE }), edit.position_px);
  if (!before) return;
  const way = [edit.position_px[0] - before[0], edit.position_px[1] - before[1]];
  for (const [key, [u, v]] of places) {
    const isOfLevel = key.startsWith(`${edit.view} ${edit.level} `) && !key.endsWith(` ${CENTRE}`);
    if (isOfLevel) places.set(key, [u + way[0], v + way[1]]);
  }
}

function automaticPlaces(exam: Examination, films: Record<ViewName, FilmModel>): Map<string, Px> {
  const places = new Map<string, Px>();
  for (const { level, landmarks } of exam.result.levels) {
    for (const view of VIEW_NAMES) {
      const plates: Px[] = [];
      for (const { name, sightings = [] } of landmarks) {
        const seen = sightings.find((each) => each.view === view)?.position_px;
        const drawn = exam.overlay[view].levels[level]?.landmarks?.[name]?.detected;
        const at = seen ?? (drawn ? placed(films[view].placing, drawn) : null);
        if (!at) continue;
        places.set(keyOf({ view, level, landmark: name }), at);
        if (PLATES.includes(name)) plates.push(at);
      }
      const found = exam.recognition?.levels.find((each) => each.level === level)?.[view]?.centre_px;
      const middle: Px | null =
        plates.length === 2 ? [(plates[0][0] + plates[1][0]) / 2, (plates[0][1] + plates[1][1]) / 2] : null;
      const centre = found ?? middle;
      if (centre) places.set(keyOf({ view, level, landmark: CENTRE }), centre);
    }
  }
  return places;
}
