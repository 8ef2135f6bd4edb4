// Correction: move, add or remove what was found, rename levels, choose vertebrae, name one per film; then fit again.
import { useState } from "preact/hooks";
import { LEVELS } from "../anatomy";
import { follow, ProblemError, revise } from "../api";
import type { JobStatus, Problem, ViewName } from "../contract";
import { VIEW_NAMES } from "../contract";
import type { Examination } from "../reading";
import { editText, landmarkText, VIEWS } from "../wording";
import type { Editor, Place, Placing } from "./editor";
import { HEADS, HIPS } from "./hips";
import { ProblemBody, problemOf } from "./problem";
import { NAME_STORAGE } from "./sign";

interface Props {
  editor: Editor;
  exam: Pick<Examination, "id" | "etag" | "result">;
  onRevised: () => Promise<void>;
  onConflict: () => Promise<void>;
}

export function Correct({ editor, exam, onRevised, onConflict }: Props) {
  const isActive = editor.isActive.value;
  return (
    <section class="section" id="correct" aria-labelledby="correct-title">
      <h2 id="correct-title">Correct</h2>
      <button
        type="button"
        class="button"
        aria-pressed={isActive}
        onClick={() => {
          editor.isActive.value = !isActive;
        }}
      >
        {isActive ? "Stop correcting" : "Correct what was found"}
      </button>
      {isActive && <Tools editor={editor} exam={exam} />}
      {isActive && <Send editor={editor} exam={exam} onRevised={onRevised} onConflict={onConflict} />}
    </section>
  );
}

function Tools({ editor, exam }: Pick<Props, "editor" | "exam">) {
  const levels = exam.result.levels.map(({ level }) => level);
  const landmarks = exam.result.levels[0]?.landmarks.map(({ name }) => name) ?? [];
  return (
    <div class="correct-tools">
      <p class="quiet">
        Drag a centre to move a whole vertebra on one film, or a point of the chosen vertebra. With the keyboard: Tab to
        a point, arrow keys move it, Delete removes it; without its centre a vertebra is left out.
      </p>
      <label>
        Points of
        <select value={editor.level.value} onChange={(event) => (editor.level.value = event.currentTarget.value)}>
          {levels.map((level) => (
            <option key={level}>{level}</option>
          ))}
        </select>
      </label>
      <ul class="landmark-list">
        {landmarks.map((landmark) => (
          <li key={landmark}>
            <span>{landmarkText(landmark)}</span>
            {VIEW_NAMES.map((view) => (
              <LandmarkButton key={view} editor={editor} view={view} landmark={landmark} />
            ))}
          </li>
        ))}
      </ul>
      <Rename editor={editor} levels={levels} />
      <Keep editor={editor} />
      <Hips editor={editor} />
      <Prompt editor={editor} />
    </div>
  );
}

/** The next click on that film places it, or the next Enter: the film takes the keys. */
function placeOn(editor: Editor, placing: Placing): void {
  editor.placing.value = placing;
  document.getElementById(`film-${placing.view}`)?.focus();
}

function LandmarkButton({ editor, view, landmark }: { editor: Editor; view: ViewName; landmark: string }) {
  const place = { view, level: editor.level.value, landmark };
  const isThere = editor.place(place) !== null;
  const isPlacing = editor.placing.value?.landmark === landmark && editor.placing.value.view === view;
  const act = () => {
    if (isThere) editor.remove(place);
    else placeOn(editor, place);
  };
  const words = isPlacing ? "Click the film" : `${isThere ? "Remove" : "Add"} ${view.toUpperCase()}`;
  return (
    <button
      type="button"
      class="button small"
      aria-pressed={isPlacing}
      onClick={act}
      aria-label={`${words}: ${landmarkText(landmark)}`}
    >
      {words}
    </button>
  );
}

function Rename({ editor, levels }: { editor: Editor; levels: string[] }) {
  const [from, setFrom] = useState(levels[0]);
  const [direction, setDirection] = useState<"all" | "down" | "up">("all");
  const rename = (shift: number) => editor.put({ type: "rename", from, direction, shift });
  return (
    <fieldset>
      <legend>Rename levels</legend>
      <select aria-label="From which level" value={from} onChange={(event) => setFrom(event.currentTarget.value)}>
        {levels.map((level) => (
          <option key={level}>{level}</option>
        ))}
      </select>
      <select
        aria-label="Which levels"
        value={direction}
        onChange={(event) => setDirection(event.currentTarget.value as typeof direction)}
      >
        <option value="all">and all others</option>
        <option value="down">and those below</option>
        <option value="up">and those above</option>
      </select>
      <button type="button" class="button small" onClick={() => rename(1)}>
        One lower (L3 is L4)
      </button>
      <button type="button" class="button small" onClick={() => rename(-1)}>
        One higher (L3 is L2)
      </button>
    </fieldset>
  );
}

function Keep({ editor }: { editor: Editor }) {
  return (
    <fieldset>
      <legend>Which vertebrae</legend>
      {editor.levels.map((level) => (
        <label key={level} class="choice">
          <input type="checkbox" checked={editor.kept.value.includes(level)} onChange={() => editor.toggle(level)} />
          {level}
        </label>
      ))}
    </fieldset>
  );
}

/** Nothing finds the femoral heads: a reader places them, for pelvic incidence and tilt. */
function Hips({ editor }: { editor: Editor }) {
  return (
    <fieldset id="hips">
      <legend>Femoral heads, for pelvic incidence, tilt and PI-LL</legend>
      <p class="quiet">
        Place the centre of each head; the ring has an adult's size. On the lateral film either may come first, and one
        is enough where both are drawn as one.
      </p>
      {VIEW_NAMES.flatMap((view) => HEADS[view].map((landmark) => ({ view, level: HIPS, landmark }))).map((place) => (
        <HeadButton key={place.landmark} editor={editor} place={place} />
      ))}
      {editor.heads.value.size > 0 && (
        <button type="button" class="button small" onClick={() => editor.removeHeads()}>
          Remove all heads
        </button>
      )}
    </fieldset>
  );
}

function HeadButton({ editor, place }: { editor: Editor; place: Place }) {
  const { view, landmark } = place;
  const isPlacing = editor.placing.value?.landmark === landmark && editor.placing.value.view === view;
  const name = `${view.toUpperCase()}: ${landmarkText(landmark)}`;
  return (
    <button
      type="button"
      class="button small"
      aria-pressed={isPlacing}
      onClick={() => {
        editor.films[view].fit(false); // they lie below what is shown of the spine
        placeOn(editor, place);
      }}
    >
      {`${isPlacing ? "Click the film, " : editor.place(place) ? "Place again " : "Place "}${name}`}
    </button>
  );
}

function Prompt({ editor }: { editor: Editor }) {
  const [level, setLevel] = useState("L3");
  return (
    <fieldset>
      <legend>Point out one vertebra: it is looked for there, and all others are named after it</legend>
      <select aria-label="Which vertebra" value={level} onChange={(event) => setLevel(event.currentTarget.value)}>
        {LEVELS.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
      {VIEW_NAMES.map((view) => (
        <button
          key={view}
          type="button"
          class="button small"
          aria-pressed={editor.placing.value?.landmark === "prompt" && editor.placing.value.view === view}
          onClick={() => placeOn(editor, { view, level, landmark: "prompt" })}
        >
          Mark on {VIEWS[view].replace(" radiograph", "")}
        </button>
      ))}
    </fieldset>
  );
}

function Send({ editor, exam, onRevised, onConflict }: Props) {
  const [running, setRunning] = useState<JobStatus | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const edits = editor.edits.value;
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget as HTMLFormElement).get("name") ?? "").trim();
    sessionStorage.setItem(NAME_STORAGE, name);
    setProblem(null);
    try {
      const job = await revise(exam.id, exam.etag, name, edits);
      setRunning(job);
      const ended = await follow(job.id, setRunning);
      if (ended.state !== "succeeded")
        throw new ProblemError(ended.error ?? { title: `The correction was ${ended.state}` });
      editor.edits.value = [];
      await onRevised();
    } catch (error) {
      if (error instanceof ProblemError && error.problem.status === 412) await onConflict();
      setProblem(problemOf(error)); // says that it has been read again: not before it has
    } finally {
      setRunning(null);
    }
  };
  return (
    <form class="sign-form" onSubmit={send}>
      <h3>Corrections</h3>
      {edits.length === 0 ? (
        <p class="quiet">None yet.</p>
      ) : (
        <ol id="edits">
          {edits.map((edit) => (
            <li key={editText(edit)}>{editText(edit)}</li>
          ))}
        </ol>
      )}
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
      <div class="button-row">
        <button type="button" class="button" disabled={edits.length === 0} onClick={() => editor.undo()}>
          Undo the last
        </button>
        <button type="submit" class="button primary" id="recalculate" disabled={edits.length === 0 || running !== null}>
          {running ? `Recalculating, ${Math.round(running.progress * 100)} %` : "Recalculate"}
        </button>
      </div>
      {problem && (
        <div class="problem" role="alert" id="correct-problem">
          <ProblemBody problem={problem} />
          {problem.status === 412 && (
            <p>
              Somebody else has changed this examination. It has been read again and your corrections are kept: look,
              then recalculate.
            </p>
          )}
        </div>
      )}
    </form>
  );
}
