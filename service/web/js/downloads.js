// @ts-check
// Links to the files of a job. With an API key a plain link cannot carry it, so the file is fetched first.
import { getObjectUrl, jobPath } from "./api.js";
import { byId, html } from "./dom.js";
import { storedKey } from "./key.js";
import { VIEWS } from "./wording.js";
import { ARTIFACTS } from "./words.js";

function link(id, { address, file, label, note }) {
  const href = jobPath(id, address);
  const anchor = html("a", { href, download: `${id}-${file}` }, label);
  anchor.addEventListener("click", async (event) => {
    if (!storedKey() || anchor.href.startsWith("blob:")) return;
    event.preventDefault();
    anchor.href = await getObjectUrl(href);
    anchor.click();
  });
  return html("li", {}, anchor, html("span", { class: "quiet" }, note));
}

// One file for each level or view, where the address leaves that open.
function filled({ parameter, address, file, label, note }, values) {
  const open = `{${parameter}}`;
  return values.map((value) => ({
    address: address.replace(open, value),
    file: file.replace(open, value),
    label: label.replace(open, VIEWS[value] ?? value),
    note,
  }));
}

export function showDownloads(id, result) {
  const values = { level: result.levels.map(({ level }) => level), view: Object.keys(VIEWS) };
  const whole = ARTIFACTS.filter(({ parameter }) => !parameter);
  const parts = ARTIFACTS.filter(({ parameter }) => parameter).flatMap((each) => filled(each, values[each.parameter]));
  byId("downloads").replaceChildren(...[...whole, ...parts].map((file) => link(id, file)));
}
