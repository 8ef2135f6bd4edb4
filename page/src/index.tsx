// The first page: a new reconstruction, and the examinations that are there.
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { getJson } from "./api";
import { Examinations } from "./list/list";
import { IntendedUse, Top } from "./shell";
import { openJob, SubmitForm } from "./submit/form";
import { startTheme } from "./theme";
import "./css/base.css";
import "./css/start.css";

function Readiness() {
  const [state, setState] = useState<"asking" | "ready" | "not-ready">("asking");
  useEffect(() => {
    getJson("readyz").then(
      () => setState("ready"),
      () => setState("not-ready"),
    );
  }, []);
  const words = { asking: "Asking the service…", ready: "Service ready", "not-ready": "Service not ready: jobs wait" };
  return (
    <p id="readiness" class={`readiness ${state}`} role="status">
      {words[state]}
    </p>
  );
}

function OpenJob() {
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    openJob(String(new FormData(event.currentTarget as HTMLFormElement).get("job")).trim());
  };
  return (
    <form id="open-job" class="open-job" onSubmit={onSubmit}>
      <label for="job-id">Open a job you already have</label>
      <div class="joined">
        <input id="job-id" name="job" required autocomplete="off" spellcheck={false} placeholder="Job id" />
        <button type="submit" class="button">
          Open
        </button>
      </div>
    </form>
  );
}

function App() {
  return (
    <>
      <Top>
        <Readiness />
      </Top>
      <main class="submit">
        <section class="intro">
          <h1>Two radiographs to five vertebrae</h1>
          <p>
            A calibrated AP and lateral pair of a standing patient becomes the lumbar spine L1 to L5 in 3D: surfaces in
            millimetres, measurements with their uncertainty, and a quality mark for every vertebra.
          </p>
          <h2>What is needed</h2>
          <dl class="needs">
            <dt>AP and lateral</dt>
            <dd>
              DICOM (DX, CR, XA, RF, SC; compressed or not), PNG or TIFF, 16 or 8 bits, or JPEG. Both of one
              acquisition.
            </dd>
            <dt>Calibration</dt>
            <dd>
              One JSON file: for each view a 3×4 projection matrix, or the position of source and detector, in
              millimetres.
            </dd>
          </dl>
          <Examinations />
          <OpenJob />
        </section>
        <SubmitForm />
      </main>
      <IntendedUse />
    </>
  );
}

startTheme();
render(<App />, document.getElementById("app") as HTMLElement);
