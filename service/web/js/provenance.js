// @ts-check
// Time of each stage, software versions, and the files that the result depends on.
import { byId, html, svg } from "./dom.js";

function list(title, rows) {
  return html(
    "div",
    {},
    html("h3", {}, title),
    html(
      "dl",
      {},
      rows.flatMap(([term, ...details]) => [html("dt", {}, term), html("dd", {}, ...details)]),
    ),
  );
}

function bar(share) {
  return svg(
    "svg",
    { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "whole", width: 100, height: 6, rx: 3 }),
    svg("rect", { class: "share", width: Math.max(1, 100 * share), height: 6, rx: 3 }),
  );
}

export function showProvenance(result) {
  const timings = Object.entries(result.timings_s).filter(([stage]) => stage !== "total");
  const total = result.timings_s.total ?? timings.reduce((sum, [, seconds]) => sum + seconds, 0);
  byId("provenance").replaceChildren(
    list("Time", [
      ...timings.map(([stage, seconds]) => [stage, `${seconds.toFixed(2)} s`, bar(seconds / total)]),
      ["total", `${total.toFixed(2)} s`],
    ]),
    list("Software", [
      ["software", result.software],
      ["method", result.method.replaceAll("_", " ")],
      ...Object.entries(result.versions).map(([name, version]) => [name.replaceAll("_", " "), version]),
      ["world frame", "x anterior, y left, z up, mm"],
    ]),
    list(
      "Models",
      result.assets.map(({ name, version, sha256 }) => [
        name,
        `${version} `,
        html("code", { title: sha256 }, sha256.slice(0, 12)),
      ]),
    ),
  );
}
