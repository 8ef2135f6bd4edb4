// One film on the screen: which part of it, how bright, and the way between screen and film.
import { type Signal, signal } from "@preact/signals";
import type { OverlayView, Px, ViewName } from "../contract";
import { painted } from "../frames";
import { gridPlacing, type Placing, placed } from "../geometry";
import type { Examination } from "../reading";
import { nativePicture, residualPicture, smallPicture } from "./load";
import { type Picture, usualWindow, type Viewport, type Window } from "./picture";

const MARGIN = 0.09;
const CLOSEST = 24;
const WIDEST = 0.02;

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

interface FilmSource {
  view: ViewName;
  columns: number;
  rows: number;
  overlay?: OverlayView;
  placing?: Placing;
  window?: Window;
}

export class FilmModel {
  readonly view: ViewName;
  readonly columns: number;
  readonly rows: number;
  readonly placing: Placing;
  readonly picture: Signal<Picture | null> = signal(null);
  /** Undefined until somebody asks for it, null where the job has none. */
  readonly residual: Signal<Picture | null | undefined> = signal(undefined);
  readonly window: Signal<Window | null> = signal(null);
  readonly viewport: Signal<Viewport> = signal({ u: 0, v: 0, scale: 0.5 });
  readonly size: Signal<Px> = signal([0, 0]);
  readonly isNative: Signal<boolean> = signal(false);
  readonly isClose: Signal<boolean> = signal(true);
  /** Until something of this film is on the screen, or there is nothing to show so soon. */
  first: Promise<void> = Promise.resolve();
  private readonly overlay: OverlayView | null;
  private readonly usual: Window | null;
  private firstWindow: Window | null = null;
  private touched = false;

  constructor(source: FilmSource) {
    this.view = source.view;
    this.columns = source.columns;
    this.rows = source.rows;
    this.overlay = source.overlay ?? null;
    this.usual = source.window ?? null;
    this.placing = source.placing ?? { first: [0, 0], step: [1, 1] };
  }

  static of(exam: Pick<Examination, "overlay" | "recognition" | "result">, view: ViewName): FilmModel {
    const [calibration, overlay] = [exam.result.calibration[view], exam.overlay[view]];
    const { columns, rows } = calibration;
    const placing = gridPlacing(calibration, overlay, exam.result.levels);
    return new FilmModel({ view, columns, rows, overlay, placing, window: exam.recognition?.films[view]?.window });
  }

  /** The small picture first, and on the screen before anything else takes the processor. */
  load(id: string, isRefused = false): void {
    // A refused pair has no small picture: the networks may not have seen it.
    this.first = isRefused ? Promise.resolve() : this.loadSmall(id);
    this.first.then(() => this.loadNative(id));
  }

  private async loadSmall(id: string): Promise<void> {
    const small = await smallPicture(id, this.view, this.placing).catch(() => null);
    if (!small) return;
    this.show(small, null);
    await painted();
  }

  private async loadNative(id: string): Promise<void> {
    const film = await nativePicture(id, this.view).catch(() => null);
    if (!film) return;
    this.isNative.value = true;
    this.show(film, this.usual);
  }

  async loadResidual(id: string): Promise<void> {
    if (this.residual.value !== undefined || !this.overlay) return;
    this.residual.value = await residualPicture(id, this.view, this.placing, this.overlay.width);
  }

  private show(picture: Picture, window: Window | null): void {
    this.firstWindow = window ?? usualWindow(picture.planes[Math.min(2, picture.planes.length - 1)]);
    this.window.value = this.firstWindow;
    this.picture.value = picture;
  }

  resize(width: number, height: number): void {
    this.size.value = [width, height];
    if (!this.touched) this.fit(this.isClose.value);
  }

  private box(close: boolean): Box {
    const outlines = Object.values(this.overlay?.levels ?? {}).flatMap((level) => level.outline.flat());
    const points = close ? outlines.map((point) => placed(this.placing, point)) : [];
    if (points.length === 0) return { left: -0.5, top: -0.5, right: this.columns - 0.5, bottom: this.rows - 0.5 };
    const [us, vs] = [points.map(([u]) => u), points.map(([, v]) => v)];
    return { left: Math.min(...us), top: Math.min(...vs), right: Math.max(...us), bottom: Math.max(...vs) };
  }

  /** The whole spine, or the whole film. */
  fit(close: boolean): void {
    const { left, top, right, bottom } = this.box(close);
    const [width, height] = this.size.value;
    if (width === 0 || height === 0) return;
    const room = close ? 1 + 2 * MARGIN : 1;
    const scale = Math.min(width / (room * (right - left)), height / (room * (bottom - top)));
    this.viewport.value = { u: (left + right) / 2, v: (top + bottom) / 2, scale };
    this.isClose.value = close;
    this.touched = false;
  }

  /** One pixel of the film on one pixel of the screen. */
  oneToOne(): void {
    this.setViewport({ ...this.viewport.value, scale: 1 / devicePixelRatio });
  }

  reset(): void {
    this.fit(true);
    this.window.value = this.firstWindow;
  }

  private setViewport({ u, v, scale }: Viewport): void {
    this.touched = true;
    this.viewport.value = {
      u: Math.min(this.columns, Math.max(0, u)),
      v: Math.min(this.rows, Math.max(0, v)),
      scale: Math.min(CLOSEST, Math.max(WIDEST, scale)),
    };
  }

  pan(dx: number, dy: number): void {
    const { u, v, scale } = this.viewport.value;
    this.setViewport({ u: u - dx / scale, v: v - dy / scale, scale });
  }

  /** Zoom so that what lies under the point of the screen stays there. */
  zoom(factor: number, at: Px = [this.size.value[0] / 2, this.size.value[1] / 2]): void {
    const [u, v] = this.toFilm(at);
    const scale = Math.min(CLOSEST, Math.max(WIDEST, this.viewport.value.scale * factor));
    const [width, height] = this.size.value;
    this.setViewport({ u: u - (at[0] - width / 2) / scale, v: v - (at[1] - height / 2) / scale, scale });
  }

  /** Brighter or darker (level), more or less contrast (width), in shares of the first window. */
  adjustWindow(level: number, width: number): void {
    const [now, first] = [this.window.value, this.firstWindow];
    if (!now || !first) return;
    const span = first.high - first.low;
    const middle = (now.low + now.high) / 2 + level * span;
    const half = Math.max(span / 100, (now.high - now.low) * Math.exp(width)) / 2;
    this.window.value = { low: middle - half, high: middle + half };
  }

  toFilm([x, y]: Px): Px {
    const { u, v, scale } = this.viewport.value;
    const [width, height] = this.size.value;
    return [u + (x - width / 2) / scale, v + (y - height / 2) / scale];
  }

  viewBox(): string {
    const { u, v, scale } = this.viewport.value;
    const [width, height] = this.size.value;
    return [u - width / 2 / scale, v - height / 2 / scale, Math.max(1, width) / scale, Math.max(1, height) / scale]
      .map((each) => each.toFixed(3))
      .join(" ");
  }

  /** Column of the film at the right edge of the screen's part of it. */
  rightEdge(): number {
    const { u, scale } = this.viewport.value;
    return u + this.size.value[0] / 2 / scale;
  }

  /** Whether a text of that width beside a column of the film is on the screen. */
  hasRoomRightOf(column: number, width_px: number): boolean {
    return column + width_px / this.viewport.value.scale < this.rightEdge();
  }

  /** Vertebra under a point of the film, by the parity of its outlines. */
  levelAt(point: Px): string | null {
    for (const [level, { outline }] of Object.entries(this.overlay?.levels ?? {})) {
      const inside = outline.some((line) =>
        isInside(
          line.map((each) => placed(this.placing, each)),
          point,
        ),
      );
      if (inside) return level;
    }
    return null;
  }
}

function isInside(polygon: Px[], [u, v]: Px): boolean {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
    const [a, b] = [polygon[i], polygon[j]];
    if (a[1] > v !== b[1] > v && u < ((b[0] - a[0]) * (v - a[1])) / (b[1] - a[1]) + a[0]) inside = !inside;
  }
  return inside;
}
