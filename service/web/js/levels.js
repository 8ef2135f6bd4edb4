// @ts-check
// The five vertebrae and what the reader wants to see of them, shared by films, 3D view and table.

export const LEVELS = ["L1", "L2", "L3", "L4", "L5"];

// Colours live once, in the style sheet.
export function levelColour(level) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${level.toLowerCase()}`).trim();
}

// "L3", "L3/L4" and "L1-L5" name one, two or all vertebrae between them.
export function levelsOf(target) {
  const named = target.split(/[^A-Z0-9]+/i).filter((part) => LEVELS.includes(part));
  if (named.length === 0) return [];
  const [first, last] = [LEVELS.indexOf(named[0]), LEVELS.indexOf(named.at(-1))];
  return LEVELS.slice(Math.min(first, last), Math.max(first, last) + 1);
}

export class Display extends EventTarget {
  layers = { outlines: true, landmarks: false, detected: false, labels: true };
  shown = new Set(LEVELS);
  marked = new Set();

  setLayer(name, visible) {
    this.layers[name] = visible;
    this.#changed();
  }

  setLevel(level, visible) {
    if (visible) this.shown.add(level);
    else this.shown.delete(level);
    this.#changed();
  }

  mark(levels) {
    this.marked = new Set(levels);
    this.#changed();
  }

  isDimmed(level) {
    return this.marked.size > 0 && !this.marked.has(level);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
