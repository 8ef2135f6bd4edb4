// Frames of the page: work that can wait lets what is on its way to the screen go first.
const PAINTED_AT_MOST_MS = 500;

/** When the next frame is on the screen; a page that nobody sees has no frames. */
export function painted(): Promise<void> {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, PAINTED_AT_MOST_MS);
  });
}
