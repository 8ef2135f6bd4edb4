// The five vertebrae and how measurements name them.

export const LEVELS = ["L1", "L2", "L3", "L4", "L5"];

/** "L3", "L3/L4" and "L1-L5" name one, two or all vertebrae between them. */
export function levelsOf(target: string): string[] {
  const named = target.split(/[^A-Z0-9]+/i).filter((part) => LEVELS.includes(part));
  if (named.length === 0) return [];
  const [first, last] = [LEVELS.indexOf(named[0]), LEVELS.indexOf(named[named.length - 1])];
  return LEVELS.slice(Math.min(first, last), Math.max(first, last) + 1);
}

/** Colours live once, in the style sheet. */
export function levelColour(level: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${level.toLowerCase()}`).trim();
}
