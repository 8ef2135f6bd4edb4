// @ts-check
// Problem documents (RFC 9457) and other errors in the reader's words.
import { html } from "./dom.js";
import { CURES } from "./words.js";

export function problemBody(error) {
  const problem = error.problem ?? error;
  const title = problem.title || "Something went wrong";
  const detail = problem.detail ?? error.message;
  return [
    html(
      "p",
      {},
      html("strong", {}, title),
      problem.code ? html("span", { class: "quiet" }, " (", html("code", {}, problem.code), ")") : null,
    ),
    detail && detail !== title ? html("p", {}, detail) : null,
    faultList(problem.faults ?? []),
    CURES[problem.code] ? html("p", { class: "quiet" }, CURES[problem.code]) : null,
  ].filter(Boolean);
}

// Which fields of a JSON part are wrong, as pointers into it.
function faultList(faults) {
  if (faults.length === 0) return null;
  return html(
    "ul",
    {},
    faults.map(({ pointer, message }) => html("li", {}, html("code", {}, pointer || "/"), ` ${message}`)),
  );
}
