// The reading desk: both films, 3D and the numbers, always together on the screen.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { getBytes, jobPath } from "./api";
import type { Px, ViewName } from "./contract";
import { VIEW_NAMES } from "./contract";
import { loadExamination, withRevision } from "./examination";
import { Film, once } from "./film/film";
import { FilmModel } from "./film/model";
import { Chosen } from "./numbers/chosen";
import { Tables } from "./numbers/table";
import { Correct } from "./panel/correct";
import { Editor } from "./panel/editor";
import { Downloads, Provenance } from "./panel/files";
import { Glance } from "./panel/glance";
import { Handles } from "./panel/handles";
import { onKey } from "./panel/hotkeys";
import { Doubts, QualityTable } from "./panel/quality";
import { Revisions } from "./panel/revisions";
import { SignOff } from "./panel/sign";
import { Toolbar } from "./panel/toolbar";
import { type Examination, Reading } from "./reading";
import type { Direction, Scene3D } from "./scene";
import { VIEWS } from "./wording";

interface Props {
  exam: Examination;
  onExam: (exam: Examination) => void;
}

const LOOKS: [Direction, string][] = [
  ["ap", "AP"],
  ["lat", "LAT"],
  ["back", "Back"],
  ["top", "Top"],
  ["oblique", "Reset"],
];

export function Desk({ exam, onExam }: Props) {
  const stage = useRef<HTMLDivElement>(null);
  const reading = useMemo(() => new Reading(), [exam.id]);
  const revision = exam.status.revision ?? 1;
  const films = useMemo(() => {
    const both = { ap: FilmModel.of(exam, "ap"), lat: FilmModel.of(exam, "lat") };
    for (const view of VIEW_NAMES) both[view].load(exam.id);
    return both;
  }, [exam.id, revision]);
  const editor = useMemo(() => new Editor(exam, films), [exam.id, revision]);
  const active = useRef(films.ap);
  const fullScreen = () =>
    document.fullscreenElement ? document.exitFullscreen() : stage.current?.requestFullscreen();
  const again = async () => onExam(await loadExamination(exam.id, exam));
  const afterRevision = async () => {
    const next = await loadExamination(exam.id, exam);
    reading.layers.value = { ...reading.layers.value, previous: true };
    onExam(next);
  };
  useEffect(() => {
    const listener = (event: KeyboardEvent) =>
      onKey(event, {
        reading,
        exam,
        films: [films.ap, films.lat],
        active: () => active.current,
        fullScreen,
        editor,
        correct: () => {
          editor.isActive.value = !editor.isActive.value;
        },
      });
    addEventListener("keydown", listener);
    return () => removeEventListener("keydown", listener);
  }, [exam, films, editor]);
  /** Films are first on the screen, and then the numbers: there are so many of them. */
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    if (isShown) once("interactive");
    else Promise.all([films.ap.first, films.lat.first]).then(() => setShown(true));
  }, [isShown, films]);
  const beside = async (other: number | null) => {
    reading.layers.value = { ...reading.layers.value, previous: other !== null };
    onExam(other === null ? { ...exam, previous: null } : await withRevision(exam, other));
  };
  return (
    <main id="result" class="desk">
      <div class="stage" ref={stage}>
        <Toolbar reading={reading} exam={exam} films={[films.ap, films.lat]} onFullScreen={fullScreen} />
        <section class="panels" aria-label="Radiographs and 3D view">
          {VIEW_NAMES.map((view) => (
            <FilmPanel
              key={`${view} ${revision}`}
              view={view}
              reading={reading}
              exam={exam}
              films={films}
              editor={editor}
              active={active}
            />
          ))}
          <ScenePanel reading={reading} exam={exam} films={films} />
        </section>
      </div>
      {isShown ? (
        <div class="side" id="side">
          <nav class="side-nav" aria-label="Parts of this result">
            {PARTS.map(([id, label]) => (
              <a key={id} href={`#${id}`}>
                {label}
              </a>
            ))}
          </nav>
          <Doubts result={exam.result} reading={reading} />
          <Chosen reading={reading} exam={exam} />
          <Glance reading={reading} exam={exam} />
          <Numbers reading={reading} exam={exam} />
          <QualityTable result={exam.result} reading={reading} />
          <Correct editor={editor} exam={exam} onRevised={afterRevision} onConflict={again} />
          <Revisions exam={exam} onCompare={beside} />
          <SignOff status={exam.status} etag={exam.etag} onChanged={again} />
          <Downloads exam={exam} />
          <Provenance exam={exam} />
        </div>
      ) : (
        <div class="side" id="side" aria-busy="true" />
      )}
    </main>
  );
}

const PARTS: [string, string][] = [
  ["glance", "At a glance"],
  ["numbers", "Numbers"],
  ["quality", "Quality"],
  ["correct", "Correct"],
  ["sign", "Sign"],
  ["downloads", "Files"],
];

function Numbers({ reading, exam }: { reading: Reading; exam: Examination }) {
  const level = reading.filter.value;
  useEffect(() => {
    if (level) document.getElementById("numbers")?.scrollIntoView();
  }, [level]);
  return (
    <section id="numbers" aria-labelledby="numbers-title">
      <div class="section-head">
        <h2 id="numbers-title">{level ? `Measurements of ${level}` : "Measurements"}</h2>
        {level && (
          <button type="button" class="button small" id="all-numbers" onClick={() => (reading.filter.value = null)}>
            Show all
          </button>
        )}
        <p class="quiet small-print">
          ± one standard error. ▲ above and ▼ below the normal range (mean ± 2 SD): red where it stands out, hollow
          where borderline or where the norm is weak.
        </p>
      </div>
      <Tables reading={reading} exam={exam} />
    </section>
  );
}

interface FilmPanelProps {
  view: ViewName;
  reading: Reading;
  exam: Examination;
  films: Record<ViewName, FilmModel>;
  editor: Editor;
  active: { current: FilmModel };
}

function FilmPanel({ view, reading, exam, films, editor, active }: FilmPanelProps) {
  const film = films[view];
  const landmarks = exam.result.levels[0]?.landmarks.map(({ name }) => name) ?? [];
  /** While something is to be placed, the next click on its film places it. */
  const onClick = useMemo(() => (point: Px) => editor.placeAt(view, point), [editor, view]);
  return (
    <figure class="panel">
      <Film
        reading={reading}
        exam={exam}
        film={film}
        onClick={onClick}
        onActive={(each) => {
          active.current = each;
        }}
      >
        <Handles editor={editor} film={film} landmarks={landmarks} />
      </Film>
      <figcaption>
        {VIEWS[view]}
        <span class="quiet">
          {" "}
          {film.isNative.value ? "as sent" : film.picture.value ? "as the network saw it" : "loading"}
        </span>
      </figcaption>
    </figure>
  );
}

interface ScenePanelProps {
  reading: Reading;
  exam: Examination;
  films: Record<ViewName, FilmModel>;
}

function ScenePanel({ reading, exam, films }: ScenePanelProps) {
  const host = useRef<HTMLDivElement>(null);
  const scene = useRef<Scene3D | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => {
    let isGone = false;
    const start = async () => {
      const bytes = getBytes(jobPath(exam.id, "/spine.glb"));
      await Promise.all(VIEW_NAMES.map((view) => films[view].first));
      const { Scene3D } = await import("./scene");
      const spine = await bytes;
      if (isGone || !host.current) return;
      scene.current = new Scene3D(host.current, exam.room);
      await scene.current.add(spine);
      scene.current?.bind(reading, exam);
      once("scene");
    };
    // Without WebGL the rest of the page still serves.
    start().catch((error) => setFault(error instanceof Error ? error.message : String(error)));
    return () => {
      isGone = true;
      scene.current?.dispose();
      scene.current = null;
    };
  }, [exam.id, exam.status.revision]);
  return (
    <figure class="panel scene-panel">
      {fault ? (
        <p class="film scene unavailable">The 3D view is not available here: {fault}</p>
      ) : (
        <div id="scene" class="film scene" ref={host} />
      )}
      {reading.layers.value.error && <ErrorScale />}
      <figcaption>
        3D
        <span id="scene-views" class="button-row" role="group" aria-label="Viewing direction">
          {LOOKS.map(([direction, label]) => (
            <button key={direction} type="button" class="button small" onClick={() => scene.current?.look(direction)}>
              {label}
            </button>
          ))}
        </span>
      </figcaption>
    </figure>
  );
}

function ErrorScale() {
  return (
    <p class="error-scale" id="error-scale">
      <span>0</span>
      <span class="error-bar" aria-hidden="true" />
      <span>2.5 mm standard error of the surface</span>
    </p>
  );
}
