// Three files become a job: chosen, dropped anywhere, or the demonstration pair.
import { useEffect, useRef, useState } from "preact/hooks";
import { request, submit } from "../api";
import type { Problem } from "../contract";
import { ProblemBody, problemOf } from "../panel/problem";
import { type Checked, checkCalibration } from "./calibration";
import { PARTS, type Part, type Sorted, sortFiles } from "./sort";

const IMAGES = ".dcm,.dicom,.png,.tif,.tiff,.jpg,.jpeg,application/dicom,image/png,image/tiff,image/jpeg";
const LABELS: Record<Part, string> = { ap: "AP radiograph", lat: "Lateral radiograph", calibration: "Calibration" };
const DEMO: Record<Part, string> = { ap: "demo/ap.png", lat: "demo/lat.png", calibration: "demo/calibration.json" };

function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function openJob(id: string): void {
  location.assign(`view.html?job=${encodeURIComponent(id)}`);
}

function put(input: HTMLInputElement, file: File): void {
  const transfer = new DataTransfer();
  transfer.items.add(file);
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

export function SubmitForm() {
  const form = useRef<HTMLFormElement>(null);
  // One key per filled-in form: a second click, or a retry after a lost answer, cannot make a second job.
  const key = useRef(newKey());
  const [isSending, setSending] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [sorted, setSorted] = useState<Sorted[]>([]);
  const [checked, setChecked] = useState<Checked | null>(null);
  const inputOf = (part: Part) => form.current?.elements.namedItem(part) as HTMLInputElement;
  const [isOver, setOver] = useState(false);

  const take = async (files: File[]) => {
    const found = await sortFiles(files);
    for (const { part, file } of found) if (part) put(inputOf(part), file);
    setSorted(found);
  };
  useEffect(() => {
    const over = (event: DragEvent) => {
      event.preventDefault();
      setOver(event.type === "dragover");
    };
    const drop = (event: DragEvent) => {
      event.preventDefault();
      setOver(false);
      take([...(event.dataTransfer?.files ?? [])]);
    };
    addEventListener("dragover", over);
    addEventListener("dragleave", over);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("dragleave", over);
      removeEventListener("drop", drop);
    };
  }, []);

  const send = async (body: FormData) => {
    setSending(true);
    setProblem(null);
    try {
      openJob((await submit(body, key.current)).id);
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setSending(false);
    }
  };
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    const filled = new FormData(event.currentTarget as HTMLFormElement);
    const body = new FormData();
    for (const part of PARTS) body.append(part, filled.get(part) ?? "");
    body.append("options", JSON.stringify({ method: filled.get("method"), sex: filled.get("sex") || null }));
    const reference = String(filled.get("reference") ?? "").trim();
    if (reference) body.append("reference", reference);
    send(body);
  };
  const demonstrate = async () => {
    setSending(true);
    try {
      const body = new FormData();
      for (const part of PARTS) body.append(part, await (await request(DEMO[part])).blob(), DEMO[part].slice(5));
      body.append("reference", "demonstration");
      await send(body);
    } catch (error) {
      setProblem(problemOf(error));
      setSending(false);
    }
  };
  const onChange = async () => {
    key.current = newKey();
    const calibration = inputOf("calibration").files?.[0];
    setChecked(calibration ? await checkCalibration(calibration) : null);
  };
  return (
    <form
      id="submit-form"
      ref={form}
      class={`card submit-form${isOver ? " over" : ""}`}
      aria-labelledby="form-title"
      onSubmit={onSubmit}
      onChange={onChange}
    >
      <h2 id="form-title">New reconstruction</h2>
      <p class="quiet">Drop the three files anywhere on this page, or choose them.</p>
      {PARTS.map((part) => (
        <div key={part} class="drop">
          <label for={part}>{LABELS[part]}</label>
          <input
            id={part}
            name={part}
            type="file"
            required
            accept={part === "calibration" ? ".json,application/json" : IMAGES}
          />
          {sorted
            .filter((each) => each.part === part)
            .map(({ file, because }) => (
              <span key={file.name} class="quiet small-print sorted">
                {file.name}: {because}
              </span>
            ))}
          {part === "calibration" && checked && <CalibrationReport checked={checked} />}
        </div>
      ))}
      {sorted.some(({ part }) => !part) && (
        <p class="error-text">
          Not used:{" "}
          {sorted
            .filter(({ part }) => !part)
            .map(({ file }) => file.name)
            .join(", ")}
          .
        </p>
      )}
      <label class="reference">
        Reference <span class="quiet">(accession number or pseudonym, no name; optional)</span>
        <input name="reference" id="reference" maxLength={64} autocomplete="off" spellcheck={false} />
      </label>
      <label class="reference">
        Norms of <span class="quiet">(where the literature has them apart; optional, changes no number)</span>
        <select name="sex" id="sex">
          <option value="">adults</option>
          <option value="female">women</option>
          <option value="male">men</option>
        </select>
      </label>
      <details class="advanced">
        <summary>Advanced</summary>
        <fieldset>
          <legend>Registration</legend>
          <label class="choice">
            <input type="radio" name="method" value="gauss_newton" defaultChecked />
            <span>
              Gauss-Newton <small class="quiet">seconds, with uncertainty</small>
            </span>
          </label>
          <label class="choice">
            <input type="radio" name="method" value="bobyqa" />
            <span>
              BOBYQA <small class="quiet">derivative-free, for comparison; slower</small>
            </span>
          </label>
        </fieldset>
      </details>
      {problem && (
        <div id="submit-error" class="problem" role="alert">
          <ProblemBody problem={problem} />
        </div>
      )}
      <button id="submit-button" type="submit" class="button primary wide" disabled={isSending}>
        {isSending ? "Sending…" : "Reconstruct"}
      </button>
      <button id="demonstration" type="button" class="button wide" disabled={isSending} onClick={demonstrate}>
        Try the demonstration pair
      </button>
      <p class="quiet small-print">
        No calibration yet?{" "}
        <a href={DEMO.calibration} download="calibration-template.json">
          Take this one as a template
        </a>
        : it is checked here as soon as it is chosen.
      </p>
    </form>
  );
}

function CalibrationReport({ checked: { good, bad } }: { checked: Checked }) {
  return (
    <ul id="calibration-check" class="calibration-check" aria-live="polite">
      {bad.map((words) => (
        <li key={words} class="error-text">
          {words}
        </li>
      ))}
      {good.map((words) => (
        <li key={words}>{words}</li>
      ))}
    </ul>
  );
}
