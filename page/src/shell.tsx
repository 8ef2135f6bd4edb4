// What every page has: the head with the brand, and the intended use, always in sight.
import type { ComponentChildren } from "preact";
import { toggleTheme } from "./theme";

export function Top({ children }: { children?: ComponentChildren }) {
  return (
    <header class="top">
      <a class="brand" href="./">
        <img src="icon.svg" alt="" width={26} height={26} />
        <span>lumbar3d</span>
      </a>
      {children}
      <button type="button" class="button small" id="theme" onClick={toggleTheme}>
        Light / dark
      </button>
    </header>
  );
}

export function IntendedUse() {
  return (
    <footer class="intended-use">
      <strong>Decision support for research. Not a medical device. Trained on simulated images.</strong>
    </footer>
  );
}
