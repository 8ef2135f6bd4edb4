// A grey picture as a pyramid, drawn to a canvas for one view of it: any size and depth, window and level at each draw.
import type { Placing } from "../geometry";

export interface Plane {
  columns: number;
  rows: number;
  grey: Uint16Array;
}

/** Planes, each half the size of the one before; `placing` says where pixel (0, 0) of the first lies on the film. */
export interface Picture {
  planes: Plane[];
  placing: Placing;
}

export interface Window {
  low: number;
  high: number;
}

/** What of the film is seen: the film's pixel in the middle, and how many CSS pixels one film pixel takes. */
export interface Viewport {
  u: number;
  v: number;
  scale: number;
}

const SMALLEST_PLANE_PX = 64;
const WHITE = 65535;

export function pyramid(first: Plane): Plane[] {
  const planes = [first];
  for (;;) {
    const last = planes[planes.length - 1];
    if (Math.min(last.columns, last.rows) < 2 * SMALLEST_PLANE_PX) return planes;
    planes.push(halved(last));
  }
}

function halved({ columns, rows, grey }: Plane): Plane {
  const [width, height] = [columns >> 1, rows >> 1];
  const half = new Uint16Array(width * height);
  for (let y = 0; y < height; y += 1) {
    let [above, to] = [2 * y * columns, y * width];
    for (let x = 0; x < width; x += 1, above += 2, to += 1) {
      const below = above + columns;
      half[to] = (grey[above] + grey[above + 1] + grey[below] + grey[below + 1]) >> 2;
    }
  }
  return { columns: width, rows: height, grey: half };
}

/** Colour on the screen for each of the 65,536 values, as the four bytes of a pixel. */
export type Colours = Uint32Array;

const BLACK = 0xff000000;
export const CLEAR = 0;

export function lookup({ low, high }: Window, invert: boolean): Colours {
  const table = new Uint32Array(WHITE + 1);
  const slope = 255 / Math.max(1, high - low);
  for (let value = 0; value <= WHITE; value += 1) {
    const shade = Math.round(Math.min(255, Math.max(0, (value - low) * slope)));
    table[value] = BLACK | ((invert ? 255 - shade : shade) * 0x010101);
  }
  return table;
}

/** From which share of a whole opacity a difference is drawn, and from which it hides the film. */
const [FAINTEST, FULL] = [0.03, 0.2];
/** As the scale beside the film has them: bone that the fit does not cover, fitted bone that is not seen. */
const [UNCOVERED, UNSEEN] = [0x3c9bff, 0xff9f3c];

/** Clear where film and fit agree; the stronger a difference, the less is seen of the film below. */
export function differences(): Colours {
  const table = new Uint32Array(WHITE + 1);
  for (let value = 0; value <= WHITE; value += 1) {
    const share = (value / 257 - 128) / 127;
    const strength = Math.min(1, Math.max(0, (Math.abs(share) - FAINTEST) / (FULL - FAINTEST)));
    if (strength > 0) table[value] = (Math.round(225 * strength) << 24) | (share > 0 ? UNCOVERED : UNSEEN);
  }
  return table;
}

/** The window that shows all but the darkest and the brightest hundredth. */
export function usualWindow({ grey }: Plane): Window {
  const step = Math.max(1, Math.floor(grey.length / 20000));
  const sample: number[] = [];
  for (let i = 0; i < grey.length; i += step) sample.push(grey[i]);
  sample.sort((a, b) => a - b);
  const at = (share: number) => sample[Math.min(sample.length - 1, Math.floor(share * sample.length))];
  return { low: at(0.01), high: Math.max(at(0.995), at(0.01) + 1) };
}

interface Samples {
  index: Int32Array;
  weight: Float32Array;
}

/** For each screen pixel along one axis: the sample before it, and how far on to the next (-1: off the picture). */
function samplesAlong(count: number, size: number, start: number, step: number): Samples {
  const [index, weight] = [new Int32Array(count), new Float32Array(count)];
  for (let i = 0; i < count; i += 1) {
    const at = start + i * step;
    const held = Math.min(size - 1.0001, Math.max(0, at));
    index[i] = at < -0.5 || at > size - 0.5 ? -1 : Math.floor(held);
    weight[i] = held - Math.floor(held);
  }
  return { index, weight };
}

/** Draw what the viewport shows; the canvas has `ratio` device pixels for one CSS pixel. */
export function draw(
  canvas: HTMLCanvasElement,
  picture: Picture,
  viewport: Viewport,
  ratio: number,
  table: Colours,
  outside = BLACK,
) {
  const context = canvas.getContext("2d", { alpha: outside === CLEAR, willReadFrequently: true });
  if (!context || canvas.width === 0 || canvas.height === 0) return;
  const image = context.createImageData(canvas.width, canvas.height);
  const shown = new Uint32Array(image.data.buffer);
  const { first, step } = picture.placing;
  const filmStep = 1 / (viewport.scale * ratio);
  const depth = Math.floor(Math.log2(Math.max(1, filmStep / Math.abs(step[0]))));
  const level = Math.min(picture.planes.length - 1, depth);
  const { columns, rows, grey } = picture.planes[level];
  const factor = 2 ** level;
  const along = (count: number, size: number, middle: number, axis: 0 | 1) => {
    const base = (film: number) => ((film - first[axis]) / step[axis] + 0.5) / factor - 0.5;
    const start = middle - ((count - 1) / 2) * filmStep;
    return samplesAlong(count, size, base(start), filmStep / step[axis] / factor);
  };
  const across = along(canvas.width, columns, viewport.u, 0);
  const down = along(canvas.height, rows, viewport.v, 1);
  for (let y = 0, to = 0; y < canvas.height; y += 1) {
    const [row, share] = [down.index[y] * columns, down.weight[y]];
    const next = row + (share > 0 ? columns : 0);
    for (let x = 0; x < canvas.width; x += 1, to += 1) {
      const column = across.index[x];
      if (row < 0 || column < 0) {
        shown[to] = outside;
        continue;
      }
      const part = across.weight[x];
      const beside = part > 0 ? column + 1 : column;
      const above = grey[row + column] * (1 - part) + grey[row + beside] * part;
      const below = grey[next + column] * (1 - part) + grey[next + beside] * part;
      shown[to] = table[(above + (below - above) * share) | 0];
    }
  }
  context.putImageData(image, 0, 0);
}
