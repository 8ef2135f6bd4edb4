// Problem documents (RFC 9457) and other errors in the reader's words.
import { CURES } from "lumbar3d-words";
import { ProblemError } from "../api";
import type { Problem } from "../contract";

export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  return { title: "Something went wrong", detail: error instanceof Error ? error.message : String(error) };
}

export function ProblemBody({ problem }: { problem: Problem }) {
  const title = problem.title || "Something went wrong";
  const { code, detail, faults = [] } = problem;
  return (
    <>
      <p>
        <strong>{title}</strong>
        {code && (
          <span class="quiet">
            {" "}
            (<code>{code}</code>)
          </span>
        )}
      </p>
      {detail && detail !== title && <p>{detail}</p>}
      {faults.length > 0 && (
        <ul>
          {faults.map(({ pointer, message }) => (
            <li key={pointer + message}>
              <code>{pointer || "/"}</code> {message}
            </li>
          ))}
        </ul>
      )}
      {code && CURES[code] && <p class="quiet">{CURES[code]}</p>}
    </>
  );
}
