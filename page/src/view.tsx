// The page of one examination: follows the job, then shows what came out, or why nothing did.
import { INPUT_FAULTS } from "lumbar3d-words";
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { follow, getJsonIfThere, jobPath, ProblemError, remove } from "./api";
import type { JobStatus, Problem, Recognition } from "./contract";
import { Desk } from "./desk";
import { loadExamination } from "./examination";
import { beginSmall } from "./film/load";
import { FileLink } from "./panel/files";
import { ProblemBody, problemOf } from "./panel/problem";
import { Progress } from "./panel/progress";
import { Pill } from "./panel/quality";
import { Refused } from "./panel/refused";
import { ReviewPill } from "./panel/sign";
import type { Examination } from "./reading";
import { IntendedUse, Top } from "./shell";
import { startTheme } from "./theme";
import { shortId } from "./wording";
import "./css/base.css";
import "./css/desk.css";
import "./css/numbers.css";
import "./css/print.css";

const ENDINGS: Record<string, string> = {
  failed: "The reconstruction failed",
  rejected: "These films were not reconstructed",
  cancelled: "The job was cancelled",
};

type Phase =
  | { kind: "following"; status: JobStatus | null }
  | { kind: "problem"; heading: string; problem: Problem }
  | { kind: "refused"; status: JobStatus; recognition: Recognition }
  | { kind: "reading"; exam: Examination };

/** A result exists where there is a review of it; services before that had it where the job succeeded. */
function hasResult(status: JobStatus): boolean {
  return status.review === undefined ? status.state === "succeeded" : status.review !== null;
}

/** Of input that could not be used there is nothing to look at; a code of a plug-in's refusal may be any. */
function mayShowFilms({ state, error }: JobStatus): boolean {
  return state === "rejected" && !INPUT_FAULTS.includes(error?.code ?? "");
}

async function phaseOf(id: string, onStatus: (status: JobStatus) => void): Promise<Phase> {
  const ended = await follow(id, onStatus);
  if (hasResult(ended)) {
    beginSmall(id);
    return { kind: "reading", exam: await loadExamination(id) };
  }
  if (mayShowFilms(ended)) {
    const recognition = await getJsonIfThere<Recognition>(jobPath(id, "/recognition.json"));
    if (recognition?.films.ap && recognition.films.lat) return { kind: "refused", recognition, status: ended };
  }
  return {
    kind: "problem",
    heading: ENDINGS[ended.state] ?? "There is no result",
    problem: ended.error ?? { title: " " },
  };
}

function App({ id }: { id: string }) {
  const [phase, setPhase] = useState<Phase>({ kind: "following", status: null });
  const fail = (error: unknown) =>
    setPhase({
      kind: "problem",
      heading: error instanceof ProblemError ? "The service did not give a result" : "The page could not show this",
      problem: problemOf(error),
    });
  const start = () => {
    phaseOf(id, (status) => setPhase({ kind: "following", status })).then(setPhase, fail);
  };
  useEffect(start, [id]);
  const status = phase.kind === "reading" ? phase.exam.status : "status" in phase ? phase.status : null;
  useEffect(() => {
    document.title = `${status?.reference ?? shortId(id)}: lumbar3d`;
  }, [status?.reference, id]);
  return (
    <>
      <Top>
        <h1 class="job-line">
          {status?.reference ?? "Job"}{" "}
          <code id="job-id" title={id}>
            {status?.reference ? shortId(id) : id}
          </code>
        </h1>
        {phase.kind === "reading" && (
          <span id="overall-quality">
            <Pill flag={phase.exam.result.quality} prefix="Quality: " />
          </span>
        )}
        {status?.review && <ReviewPill review={status.review} />}
        {status && (status.revision ?? 1) > 1 && <span class="quiet">revision {status.revision}</span>}
        <Actions id={id} status={status} isReading={phase.kind === "reading"} onFail={fail} />
      </Top>
      {phase.kind === "reading" ? (
        <Desk exam={phase.exam} onExam={(exam) => setPhase({ kind: "reading", exam })} />
      ) : (
        <main>
          {phase.kind === "following" && phase.status && <Progress status={phase.status} />}
          {phase.kind === "problem" && <ProblemCard heading={phase.heading} problem={phase.problem} />}
          {phase.kind === "refused" && (
            <Refused status={phase.status} recognition={phase.recognition} onRevised={start} />
          )}
        </main>
      )}
      <IntendedUse />
    </>
  );
}

function ProblemCard({ heading, problem }: { heading: string; problem: Problem }) {
  return (
    <section id="problem" class="card problem-card" role="alert">
      <h2>{heading}</h2>
      <ProblemBody problem={problem} />
      <p>
        <a class="button" href="./">
          New reconstruction
        </a>
      </p>
    </section>
  );
}

interface ActionProps {
  id: string;
  status: JobStatus | null;
  isReading: boolean;
  onFail: (error: unknown) => void;
}

/** What is seldom wanted lies behind a menu; cancelling a running job does not. */
function Actions({ id, status, isReading, onFail }: ActionProps) {
  if (!status) return null;
  const isRunning = status.state === "queued" || status.state === "running";
  const onRemove = async () => {
    if (!confirm(isRunning ? "Cancel this job?" : "Erase this job with its images and results?")) return;
    try {
      await remove(id);
      if (!isRunning) location.assign("./");
    } catch (error) {
      onFail(error);
    }
  };
  if (isRunning) {
    return (
      <button id="remove" class="button" type="button" onClick={onRemove}>
        Cancel
      </button>
    );
  }
  return (
    <details class="menu" id="actions">
      <summary class="button small">More</summary>
      <div class="menu-body">
        {isReading && (
          <FileLink href={jobPath(id, "/report.html")} file={`${id}-report.html`} open>
            One-page report
          </FileLink>
        )}
        {isReading && (
          <button type="button" class="button" id="print" onClick={() => print()}>
            Print everything
          </button>
        )}
        {isReading && (
          <a class="button" href={`compare.html?a=${encodeURIComponent(id)}`}>
            Compare with another
          </a>
        )}
        <button id="remove" class="button danger" type="button" onClick={onRemove}>
          Erase
        </button>
      </div>
    </details>
  );
}

startTheme();
const named = new URLSearchParams(location.search).get("job");
render(
  named ? (
    <App id={named} />
  ) : (
    <>
      <Top />
      <main>
        <ProblemCard heading="No job named" problem={{ title: "The address of a result ends in ?job=…" }} />
      </main>
      <IntendedUse />
    </>
  ),
  document.getElementById("app") as HTMLElement,
);
