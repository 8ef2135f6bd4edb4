// Sign-off: draft, accepted, or rejected with a reason; by whom and when.
import { useState } from "preact/hooks";
import { ProblemError, sign } from "../api";
import type { JobStatus, Problem, Review, ReviewState } from "../contract";
import { dateText } from "../wording";
import { ProblemBody, problemOf } from "./problem";

const STATES: Record<ReviewState, { label: string; style: string }> = {
  draft: { label: "Draft", style: "warn" },
  accepted: { label: "Accepted", style: "good" },
  rejected: { label: "Rejected", style: "bad" },
};

export function ReviewPill({ review }: { review: Review }) {
  const { label, style } = STATES[review.state];
  return <span class={`pill ${style}`}>{label}</span>;
}

export function reviewText({ state, name, by, at, reason }: Review): string {
  if (state === "draft" && !at) return "Draft: nobody has signed this result.";
  const who = [name, by && by !== name ? `(${by})` : null].filter(Boolean).join(" ");
  return `${STATES[state].label} by ${who || "somebody"}${at ? `, ${dateText(at)} UTC` : ""}${reason ? `: ${reason}` : ""}.`;
}

/** Who reads here: kept for this tab, so that it is typed once. */
export const NAME_STORAGE = "lumbar3d.name";

interface Props {
  status: JobStatus;
  etag: string;
  onChanged: () => Promise<void>;
}

export function SignOff({ status, etag, onChanged }: Props) {
  const review = status.review;
  const [problem, setProblem] = useState<Problem | null>(null);
  if (!review) return null;
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement, event.submitter);
    const [state, name, reason] = ["state", "name", "reason"].map((field) => String(form.get(field) ?? "").trim());
    sessionStorage.setItem(NAME_STORAGE, name);
    try {
      await sign(status.id, etag, { state: state as ReviewState, name, ...(reason ? { reason } : {}) });
      setProblem(null);
      await onChanged();
    } catch (error) {
      if (error instanceof ProblemError && error.problem.status === 412) await onChanged();
      setProblem(problemOf(error)); // says that it has been read again: not before it has
    }
  };
  return (
    <section class="section" id="sign" aria-labelledby="sign-title">
      <h2 id="sign-title">Sign-off</h2>
      <p>
        <ReviewPill review={review} /> <span id="review-text">{reviewText(review)}</span>
      </p>
      <form class="sign-form" onSubmit={send}>
        <label>
          Your name
          <input
            name="name"
            required
            maxLength={80}
            autocomplete="name"
            defaultValue={sessionStorage.getItem(NAME_STORAGE) ?? ""}
          />
        </label>
        <label>
          Reason <span class="quiet">(needed to reject)</span>
          <input name="reason" maxLength={500} autocomplete="off" />
        </label>
        <div class="button-row">
          {(["accepted", "rejected", "draft"] as const)
            .filter((state) => state !== review.state)
            .map((state) => (
              <button
                key={state}
                type="submit"
                name="state"
                value={state}
                class={`button${state === "accepted" ? " primary" : ""}`}
              >
                {{ accepted: "Accept", rejected: "Reject", draft: "Back to draft" }[state]}
              </button>
            ))}
        </div>
      </form>
      {problem && (
        <div class="problem" role="alert">
          <ProblemBody problem={problem} />
          {problem.status === 412 && <p>It has been read again: look at what has changed, then sign.</p>}
        </div>
      )}
    </section>
  );
}
