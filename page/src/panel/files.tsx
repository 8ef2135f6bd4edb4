// Links to the files of a job, and how it was made. With an API key a plain link cannot carry it: the file is fetched first.
import { ARTIFACTS } from "lumbar3d-words";
import { getObjectUrl, jobPath } from "../api";
import type { Result } from "../contract";
import { storedKey } from "../key";
import type { Examination } from "../reading";
import { readable, VIEWS } from "../wording";

type Artifact = (typeof ARTIFACTS)[number];

/** One file for each level or view, where the address leaves that open. */
function filled({ parameter, address, file, label, note }: Artifact, values: string[]): Artifact[] {
  const open = `{${parameter}}`;
  return values.map((value) => ({
    parameter: "",
    address: address.replace(open, value),
    file: file.replace(open, value),
    label: label.replace(open, VIEWS[value] ?? value),
    note,
  }));
}

export function FileLink({
  href,
  file,
  children,
  open,
}: {
  href: string;
  file: string;
  children: string;
  open?: boolean;
}) {
  const onClick = async (event: MouseEvent) => {
    const anchor = event.currentTarget as HTMLAnchorElement;
    if (!storedKey() || anchor.href.startsWith("blob:")) return;
    event.preventDefault();
    anchor.href = await getObjectUrl(href);
    anchor.click();
  };
  return open ? (
    <a class="button" href={href} target="_blank" rel="noopener" onClick={onClick}>
      {children}
    </a>
  ) : (
    <a href={href} download={file} onClick={onClick}>
      {children}
    </a>
  );
}

export function Downloads({ exam }: { exam: Examination }) {
  const { id, result } = exam;
  const values: Record<string, string[]> = { level: result.levels.map(({ level }) => level), view: ["ap", "lat"] };
  const files = ARTIFACTS.flatMap((each) => (each.parameter ? filled(each, values[each.parameter] ?? []) : [each]));
  const whole = files.filter(({ file }) => !/^(L\d\.stl|ap\.png|lat\.png)$/.test(file));
  return (
    <section class="section downloads" aria-labelledby="downloads-title">
      <h2 id="downloads-title">Downloads</h2>
      <ul id="downloads">
        {[...whole, ...files.filter((each) => !whole.includes(each))].map(({ address, file, label, note }) => (
          <li key={address}>
            <FileLink href={jobPath(id, address)} file={`${id}-${file}`}>
              {label}
            </FileLink>
            <span class="quiet"> {note}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function List({ title, rows }: { title: string; rows: [string, string, number?][] }) {
  return (
    <div>
      <h3>{title}</h3>
      <dl>
        {rows.map(([term, detail, share]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>
              {detail}
              {share !== undefined && (
                <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
                  <rect class="whole" width={100} height={6} rx={3} />
                  <rect class="share" width={Math.max(1, 100 * share)} height={6} rx={3} />
                </svg>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

export function Provenance({ exam: { id, status, result } }: { exam: Examination }) {
  const stages = Object.entries(result.timings_s).filter(([stage]) => stage !== "total");
  const total = result.timings_s.total ?? stages.reduce((sum, [, seconds]) => sum + seconds, 0);
  return (
    <section class="section provenance" aria-labelledby="provenance-title">
      <h2 id="provenance-title">How it was made</h2>
      <div id="provenance" class="provenance-grid">
        <List title="Examination" rows={identity(id, status)} />
        <List
          title="Time"
          rows={[
            ...stages.map(([stage, seconds]): [string, string, number] => [
              stage,
              `${seconds.toFixed(2)} s`,
              seconds / total,
            ]),
            ["total", `${total.toFixed(2)} s`],
          ]}
        />
        <List title="Software" rows={software(result)} />
        <List
          title="Models"
          rows={result.assets.map(({ name, version, sha256 }) => [name, `${version} ${sha256.slice(0, 12)}`])}
        />
      </div>
    </section>
  );
}

function identity(id: string, status: Examination["status"]): [string, string][] {
  const { inputs, reference, revision } = status;
  return [
    ["job", id],
    ...(reference ? [["reference", reference] as [string, string]] : []),
    ["revision", String(revision ?? 1)],
    ...(inputs
      ? ([
          ["AP film, SHA-256", inputs.ap_sha256],
          ["lateral film, SHA-256", inputs.lat_sha256],
          ...(inputs.study ? [["study", inputs.study]] : []),
        ] as [string, string][])
      : []),
  ];
}

function software(result: Result): [string, string][] {
  return [
    ["software", result.software],
    ["method", readable(result.method)],
    ...Object.entries(result.versions).map(([name, version]): [string, string] => [readable(name), version]),
    ["world frame", "x anterior, y left, z up, mm"],
  ];
}
