// The examinations of this client: search, filter, paging; two of them can be compared.
import { useEffect, useState } from "preact/hooks";
import { listJobs, ProblemError } from "../api";
import type { JobList, JobStatus, Problem } from "../contract";
import { askForKey } from "../key";
import { ProblemBody, problemOf } from "../panel/problem";
import { ReviewPill } from "../panel/sign";
import { dateText, shortId } from "../wording";

const PAGE = new URLSearchParams(location.search).get("rows") ?? "20";
const STATES = ["queued", "running", "succeeded", "failed", "rejected", "cancelled"];
const REVIEWS = ["draft", "accepted", "rejected"];

export function Examinations() {
  const [query, setQuery] = useState({ q: "", state: "", review: "" });
  const [before, setBefore] = useState<string[]>([]);
  const [list, setList] = useState<JobList | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [picked, setPicked] = useState<string[]>([]);
  const [keysGiven, setKeysGiven] = useState(0);
  useEffect(() => {
    let isOld = false;
    const fail = (error: unknown) => {
      // A service without this list, or a key that may not read.
      const isAbsent = error instanceof ProblemError && [404, 405].includes(error.problem.status ?? 0);
      if (!isOld) setProblem(isAbsent ? null : problemOf(error));
    };
    listJobs({ ...query, limit: PAGE, before: before.at(-1) ?? "" }).then((found) => {
      if (isOld) return;
      setList(found);
      setProblem(null);
    }, fail);
    return () => {
      isOld = true;
    };
  }, [query, before, keysGiven]);
  const change = (part: Partial<typeof query>) => {
    setQuery({ ...query, ...part });
    setBefore([]);
  };
  const pick = (id: string) =>
    setPicked(picked.includes(id) ? picked.filter((each) => each !== id) : [...picked.slice(-1), id]);
  return (
    <section class="card examinations" aria-labelledby="list-title">
      <h2 id="list-title">Examinations</h2>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Search <span class="quiet">(beginning of a reference, or a job id)</span>
          <input
            type="search"
            id="search"
            value={query.q}
            onInput={(event) => change({ q: event.currentTarget.value.trim() })}
          />
        </label>
        <Choice label="State" values={STATES} value={query.state} onValue={(state) => change({ state })} />
        <Choice label="Review" values={REVIEWS} value={query.review} onValue={(review) => change({ review })} />
      </form>
      {problem?.status === 401 ? (
        <NeedsKey onKey={() => setKeysGiven(keysGiven + 1)} />
      ) : (
        problem && (
          <div class="problem" role="alert">
            <ProblemBody problem={problem} />
          </div>
        )
      )}
      {list && <Rows jobs={list.jobs} picked={picked} onPick={pick} />}
      <div class="button-row">
        <button
          type="button"
          class="button small"
          disabled={before.length === 0}
          onClick={() => setBefore(before.slice(0, -1))}
        >
          Newer
        </button>
        <button
          type="button"
          class="button small"
          id="older"
          disabled={!list?.next}
          onClick={() => list?.next && setBefore([...before, list.next])}
        >
          Older
        </button>
        {picked.length === 2 && (
          <a class="button small primary" id="compare" href={`compare.html?a=${picked[0]}&b=${picked[1]}`}>
            Compare the two
          </a>
        )}
      </div>
    </section>
  );
}

function NeedsKey({ onKey }: { onKey: () => void }) {
  // Who closes the dialog without a key finds the list as it was.
  const enter = () => askForKey().then(onKey, () => {});
  return (
    <p id="needs-key" class="quiet" role="status">
      The list needs an API key.{" "}
      <button type="button" class="button small" onClick={enter}>
        Enter the key
      </button>
    </p>
  );
}

interface ChoiceProps {
  label: string;
  values: string[];
  value: string;
  onValue: (value: string) => void;
}

function Choice({ label, values, value, onValue }: ChoiceProps) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        <option value="">any</option>
        {values.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
    </label>
  );
}

function Rows({ jobs, picked, onPick }: { jobs: JobStatus[]; picked: string[]; onPick: (id: string) => void }) {
  if (jobs.length === 0) return <p class="quiet">No examination.</p>;
  return (
    <ul id="jobs" class="jobs">
      {jobs.map((job) => (
        <li key={job.id}>
          <a href={`view.html?job=${encodeURIComponent(job.id)}`}>{job.reference ?? shortId(job.id)}</a>
          <span class="quiet">{dateText(job.created_at)}</span>
          <span>{job.state}</span>
          {job.review && <ReviewPill review={job.review} />}
          {job.review && (
            <label class="choice">
              <input type="checkbox" checked={picked.includes(job.id)} onChange={() => onPick(job.id)} />
              <span class="small-print">
                compare<span class="hidden-text"> {job.reference ?? job.id}</span>
              </span>
            </label>
          )}
        </li>
      ))}
    </ul>
  );
}
