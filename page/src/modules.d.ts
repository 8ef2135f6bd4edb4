// What is not TypeScript: styles, and the words that Python writes.
declare module "*.css";
declare module "lumbar3d-words" {
  export const CURES: Record<string, string>;
  export const NOTES: Record<string, string>;
  export const REASONS: Record<string, string>;
  export const INPUT_FAULTS: string[];
  export const ARTIFACTS: { address: string; file: string; label: string; note: string; parameter: string }[];
}
