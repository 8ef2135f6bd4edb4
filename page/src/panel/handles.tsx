// Centres and landmarks that can be moved on one film: by dragging, or with the arrow keys; Delete removes one.
import { useRef } from "preact/hooks";
import { LEVELS } from "../anatomy";
import type { Px } from "../contract";
import type { FilmModel } from "../film/model";
import { ARROWS } from "../film/pointer";
import { FILM, landmarkText } from "../wording";
import { CENTRE, type Editor, keyOf, type Place } from "./editor";
import { HEADS, HIPS } from "./hips";

const FAST = 10;
/** Width that a landmark's name takes on the screen. */
const NAME_PX = 140;

export function Handles({ editor, film, landmarks }: { editor: Editor; film: FilmModel; landmarks: string[] }) {
  if (!editor.isActive.value) return null;
  const { view } = film;
  const level = editor.level.value;
  const prompt = editor.edits.value.find((edit) => edit.type === "prompt" && edit.view === view);
  return (
    <g class="handles">
      {LEVELS.map((each) => (
        <Handle key={each} editor={editor} film={film} place={{ view, level: each, landmark: CENTRE }} />
      ))}
      {landmarks.map((landmark) => (
        <Handle key={level + landmark} editor={editor} film={film} place={{ view, level, landmark }} />
      ))}
      {HEADS[view].map((landmark) => (
        <Handle key={landmark} editor={editor} film={film} place={{ view, level: HIPS, landmark }} />
      ))}
      {prompt?.type === "prompt" && <circle class="prompt" cx={prompt.position_px[0]} cy={prompt.position_px[1]} />}
    </g>
  );
}

function Handle({ editor, film, place }: { editor: Editor; film: FilmModel; place: Place }) {
  const grip = useRef<{ pointer: number; from: Px; at: Px } | null>(null);
  const at = editor.place(place);
  if (!at) return null;
  const isCentre = place.landmark === CENTRE;
  const isRight = isCentre || film.hasRoomRightOf(at[0], NAME_PX);
  const isHead = place.level === HIPS;
  const name = `${isHead ? "" : `${place.level} `}${landmarkText(place.landmark)}, ${FILM[place.view]} film`;
  const start = (event: PointerEvent) => {
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    grip.current = { pointer: event.pointerId, from: [event.clientX, event.clientY], at };
    if (isCentre) editor.level.value = place.level;
    event.stopPropagation();
  };
  const move = (event: PointerEvent) => {
    const held = grip.current;
    if (held?.pointer !== event.pointerId) return;
    const { scale } = film.viewport.value;
    const [dx, dy] = [event.clientX - held.from[0], event.clientY - held.from[1]];
    if (Math.hypot(dx, dy) > 2) editor.set(place, [held.at[0] + dx / scale, held.at[1] + dy / scale]);
  };
  const onKey = (event: KeyboardEvent) => {
    const step = ARROWS[event.key];
    if (event.key === "Delete" || event.key === "Backspace") editor.remove(place);
    else if (!step && !(event.key === "Enter" && isCentre)) return;
    if (isCentre) editor.level.value = place.level;
    if (step) {
      const reach = event.shiftKey ? FAST : 1;
      editor.set(place, [at[0] + reach * step[0], at[1] + reach * step[1]]);
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <g
      class={`handle${isCentre ? " is-centre" : ""}`}
      role="button"
      tabindex={0}
      aria-label={`${name}: arrow keys move it, Delete ${isCentre ? "leaves this vertebra out" : "removes it"}`}
      data-handle={keyOf(place)}
      data-level={place.level}
      onPointerDown={start}
      onPointerMove={move}
      onPointerUp={() => {
        grip.current = null;
      }}
      onKeyDown={onKey}
    >
      {isHead && <circle class="head-ring" cx={at[0]} cy={at[1]} r={editor.headRadius_px[place.view]} />}
      <circle class="reach" cx={at[0]} cy={at[1]} />
      <circle class="grip" cx={at[0]} cy={at[1]} />
      <text
        class={isCentre ? "label" : "handle-name"}
        x={at[0]}
        y={at[1]}
        dx={isRight ? "0.8em" : "-0.8em"}
        text-anchor={isRight ? "start" : "end"}
        dominant-baseline="central"
      >
        {isCentre ? place.level : landmarkText(place.landmark)}
      </text>
    </g>
  );
}
