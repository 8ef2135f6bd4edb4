// Mouse, pen and touch on a film: drag by tool, pinch, wheel, and the point of a click.
import type { Px } from "../contract";
import type { Tool } from "../reading";
import type { FilmModel } from "./model";

/** Way of each arrow key on the screen. */
export const ARROWS: Record<string, Px> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
const CLICK_PX = 4;
const WHEEL = 0.0016;

export interface Wishes {
  tool(): Tool;
  hover(point: Px | null): void;
  click(point: Px): void;
}

export function listen(host: HTMLElement, film: FilmModel, wishes: Wishes): () => void {
  const pointers = new Map<number, Px>();
  let [travel, buttons] = [0, 0];
  const at = (event: MouseEvent): Px => {
    const { left, top } = host.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const isOnFilm = (event: Event) => !(event.target as Element).closest("button, input, .handle");

  const drag = (from: Px, to: Px) => {
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const tool = buttons & 2 ? "window" : buttons & 4 ? "pan" : wishes.tool();
    const [width, height] = film.size.value;
    if (tool === "window") film.adjustWindow(-dy / height, dx / width);
    else if (tool === "zoom") film.zoom(Math.exp((-3 * dy) / height));
    else if (tool === "cursor") wishes.hover(film.toFilm(to));
    else film.pan(dx, dy);
  };
  const pinch = (id: number, to: Px) => {
    const other = [...pointers].find(([each]) => each !== id)?.[1];
    const from = pointers.get(id);
    if (!other || !from) return;
    const spread = (point: Px) => Math.max(8, Math.hypot(point[0] - other[0], point[1] - other[1]));
    film.pan((to[0] - from[0]) / 2, (to[1] - from[1]) / 2);
    film.zoom(spread(to) / spread(from), [(to[0] + other[0]) / 2, (to[1] + other[1]) / 2]);
  };

  const on: { [name: string]: (event: never) => void } = {
    pointerdown: (event: PointerEvent) => {
      if (!isOnFilm(event)) return;
      host.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, at(event));
      [travel, buttons] = [pointers.size > 1 ? CLICK_PX : 0, event.buttons];
    },
    pointermove: (event: PointerEvent) => {
      const [from, to] = [pointers.get(event.pointerId), at(event)];
      if (!from) {
        if (event.pointerType === "mouse") wishes.hover(film.toFilm(to));
        return;
      }
      travel += Math.hypot(to[0] - from[0], to[1] - from[1]);
      if (pointers.size > 1) pinch(event.pointerId, to);
      else if (travel >= CLICK_PX) drag(from, to);
      pointers.set(event.pointerId, to);
    },
    pointerup: (event: PointerEvent) => {
      if (pointers.delete(event.pointerId) && travel < CLICK_PX && event.button === 0)
        wishes.click(film.toFilm(at(event)));
    },
    pointercancel: (event: PointerEvent) => pointers.delete(event.pointerId),
    pointerleave: () => wishes.hover(null),
    wheel: (event: WheelEvent) => {
      event.preventDefault();
      film.zoom(Math.exp(-event.deltaY * WHEEL), at(event));
    },
    contextmenu: (event: Event) => event.preventDefault(),
  };
  for (const [name, handler] of Object.entries(on))
    host.addEventListener(name, handler as EventListener, { passive: false });
  return () => {
    for (const [name, handler] of Object.entries(on)) host.removeEventListener(name, handler as EventListener);
  };
}
