// Build of the page into service/web: names without hashes, no inline script or style, nothing from the network.
import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

const BUNDLED = ["preact", "@preact/signals", "@preact/signals-core", "three", "fast-png", "fflate", "iobuffer"];

/** What is bundled goes out with its licence. */
function licences(): Plugin {
  const text = (name: string) => `${name}\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim()}\n`;
  const source = BUNDLED.map(text).join(`\n${"-".repeat(80)}\n\n`);
  return {
    name: "licences",
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "assets/LICENSES.txt", source });
    },
  };
}

export default defineConfig({
  root: "src",
  base: "./",
  publicDir: false,
  plugins: [licences()],
  build: {
    outDir: "../../service/web",
    emptyOutDir: false,
    target: "es2023",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    cssMinify: true,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      input: { index: "src/index.html", view: "src/view.html", compare: "src/compare.html" },
      // Words are made from the books in Python: a new code must not need a build.
      external: ["lumbar3d-words"],
      output: {
        paths: { "lumbar3d-words": "../js/words.js" },
        entryFileNames: "assets/[name].js",
        chunkFileNames: "assets/[name].js",
        assetFileNames: "assets/[name][extname]",
      },
    },
  },
  worker: { format: "es", rolldownOptions: { output: { entryFileNames: "assets/[name].js" } } },
});
