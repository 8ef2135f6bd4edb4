// Who changed what from which version; an older one can be laid beside the current one.
import { useEffect, useState } from "preact/hooks";
import type { RevisionEntry } from "../contract";
import { revisionsOf } from "../examination";
import type { Examination } from "../reading";
import { dateText, editText } from "../wording";

export function Revisions({ exam, onCompare }: { exam: Examination; onCompare: (revision: number | null) => void }) {
  const [entries, setEntries] = useState<RevisionEntry[]>([]);
  useEffect(() => {
    revisionsOf(exam.id).then(setEntries, () => setEntries([]));
  }, [exam.id, exam.status.revision]);
  if (entries.length < 2) return null;
  const current = exam.status.revision ?? 1;
  const beside = exam.previous?.revision;
  return (
    <section class="section" id="revisions" aria-labelledby="revisions-title">
      <h2 id="revisions-title">Revisions</h2>
      <ol class="revisions">
        {entries.map((entry) => (
          <li key={entry.revision} value={entry.revision}>
            <p>
              {entry.name ?? entry.by ?? "the service"}, {dateText(entry.at)} UTC
              {entry.base && `, from revision ${entry.base}`}
              {entry.state !== "succeeded" && `: ${entry.state}`}
              {entry.revision === current && <strong> current</strong>}
            </p>
            {entry.edits.length > 0 && <p class="quiet">{entry.edits.map(editText).join("; ")}</p>}
            {entry.state === "succeeded" && entry.revision !== current && (
              <button
                type="button"
                class="button small"
                aria-pressed={beside === entry.revision}
                onClick={() => onCompare(beside === entry.revision ? null : entry.revision)}
              >
                Show beside the current one
              </button>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
