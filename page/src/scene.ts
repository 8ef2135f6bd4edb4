// The vertebrae in 3D: world millimetres, z up, turned with mouse, touch or arrow keys; the chosen construction in them.
import { effect } from "@preact/signals";
import {
  Box3,
  BufferAttribute,
  BufferGeometry,
  Color,
  CylinderGeometry,
  DirectionalLight,
  DoubleSide,
  Group,
  HemisphereLight,
  Line,
  LineBasicMaterial,
  LineDashedMaterial,
  Matrix4,
  Mesh,
  MeshBasicMaterial,
  MeshStandardMaterial,
  type Object3D,
  OrthographicCamera,
  Raycaster,
  Scene,
  SphereGeometry,
  Vector2,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { LEVELS, levelColour } from "./anatomy";
import type { Calibration, Construction, Vec3, ViewName } from "./contract";
import { chosenConstruction } from "./film/constructed";
import { type Room, sourceOf } from "./geometry";
import type { Examination, Reading } from "./reading";

const KEY_STEP_RAD = Math.PI / 24;
const UP = new Vector3(0, 0, 1);
const CLICK_PX = 4;
/** Surface error that is shown as the last colour of the scale. */
export const ERROR_SCALE_MM = 2.5;
const ERROR_COLOURS = ["#2c7fb8", "#7fcdbb", "#ffffb3", "#fdae61", "#d7191c"].map((each) => new Color(each));

export type Direction = "ap" | "lat" | "back" | "top" | "oblique";

interface Vertebra {
  node: Object3D;
  material: MeshStandardMaterial;
}

export class Scene3D {
  readonly canvas: HTMLCanvasElement;
  // Paper takes what is in the buffer. Smooth edges are left out where software plays the graphics processor.
  private readonly renderer = new WebGLRenderer({ antialias: !isSoftware(), preserveDrawingBuffer: true });
  private readonly scene = new Scene();
  private readonly camera = new OrthographicCamera();
  private readonly controls: OrbitControls;
  private readonly box = new Box3();
  private readonly drawn = new Group();
  private readonly letters = new Map<string, { mark: HTMLElement; way: Vector3 }>();
  private readonly stops: (() => void)[] = [];
  private vertebrae = new Map<string, Vertebra>();
  private waiting = 0;

  constructor(
    private readonly host: HTMLElement,
    private readonly room: Room,
  ) {
    this.canvas = this.renderer.domElement;
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "Lumbar spine in 3D; arrow keys turn it, plus and minus zoom");
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.scene.background = new Color(getComputedStyle(document.documentElement).getPropertyValue("--film").trim());
    const headlight = new DirectionalLight(0xffffff, 1.9);
    headlight.position.set(0.4, 0.6, 1);
    this.camera.up.copy(UP);
    this.camera.add(headlight);
    this.scene.add(this.camera, new HemisphereLight(0xffffff, 0x46525c, 1.6), this.drawn);
    this.controls = new OrbitControls(this.camera, this.canvas);
    this.controls.addEventListener("change", () => this.render());
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
    host.replaceChildren(this.canvas, ...this.makeLetters());
    const observer = new ResizeObserver(() => this.fit());
    observer.observe(host);
    this.stops.push(() => observer.disconnect());
  }

  /** Vertices are world mm; only the root of the file turns them into metres with y up, for other viewers. */
  async add(bytes: ArrayBuffer, look: { moved?: number[][]; ghost?: boolean } = {}): Promise<void> {
    const gltf = await new GLTFLoader().parseAsync(bytes, "");
    const vertebrae = paint(gltf.scene, look.ghost ?? false);
    for (const [level, { node }] of vertebrae) {
      if (look.moved) node.applyMatrix4(new Matrix4().set(...(look.moved.flat() as Parameters<Matrix4["set"]>)));
      this.scene.add(node);
      this.box.expandByObject(node);
      if (!look.ghost) this.vertebrae.set(level, vertebrae.get(level) as Vertebra);
    }
    this.fit();
    this.look("oblique");
  }

  /** Follow what the reader chooses; a click chooses a vertebra. */
  bind(reading: Reading, exam: Examination): void {
    this.stops.push(
      effect(() => {
        const showsError = reading.layers.value.error;
        for (const [level, { node, material }] of this.vertebrae) {
          node.visible = reading.shown.value.has(level);
          const isChosen = reading.choice.value?.kind === "number" && !reading.isDimmed(level);
          material.transparent = reading.isDimmed(level) || isChosen;
          material.opacity = reading.isDimmed(level) ? 0.2 : isChosen ? 0.72 : 1;
          material.depthWrite = !material.transparent || isChosen;
          material.vertexColors = showsError;
          material.color.set(showsError ? "#ffffff" : levelColour(level));
          material.needsUpdate = true;
        }
        this.render();
      }),
      effect(() => {
        this.clearDrawn();
        const chosen = chosenConstruction(reading, exam);
        if (chosen) this.drawn.add(constructionIn3D(chosen));
        const cursor = reading.cursor.value;
        if (cursor?.ray) this.drawn.add(dashedLine(cursor.ray));
        this.render();
      }),
    );
    this.onClick((level) => reading.choose(level ? { kind: "level", level } : null));
    this.onHover((point) => {
      if (point) reading.cursor.value = { from: "scene", point, ray: null };
      else if (reading.cursor.value?.from === "scene") reading.cursor.value = null;
    });
  }

  dispose(): void {
    for (const stop of this.stops) stop();
    cancelAnimationFrame(this.waiting);
    this.controls.dispose();
    this.renderer.dispose();
    this.host.replaceChildren();
  }

  look(direction: Direction): void {
    const { calibration, centre } = this.room;
    const towards = (view: ViewName) => sourceDirection(calibration, view, centre);
    const ways: Record<Direction, () => Vector3> = {
      ap: () => towards("ap"),
      lat: () => towards("lat"),
      back: () => towards("ap").negate(),
      // Not straight down: the controls lose their bearings at the pole.
      top: () => new Vector3(-0.001, 0, 1),
      oblique: () =>
        towards("ap")
          .add(towards("lat").multiplyScalar(0.9))
          .add(new Vector3(0, 0, 0.35)),
    };
    const radius = this.box.getSize(new Vector3()).length();
    this.box.getCenter(this.controls.target);
    this.camera.position.copy(this.controls.target).addScaledVector(ways[direction]().normalize(), 3 * radius);
    this.camera.zoom = 1;
    this.camera.near = 0.1 * radius;
    this.camera.far = 8 * radius;
    this.camera.updateProjectionMatrix();
    this.controls.update();
    this.render();
  }

  private clearDrawn(): void {
    this.drawn.traverse((part) => {
      if (part instanceof Mesh || part instanceof Line) part.geometry.dispose();
    });
    this.drawn.clear();
  }

  private render(): void {
    cancelAnimationFrame(this.waiting);
    this.waiting = requestAnimationFrame(() => {
      this.renderer.render(this.scene, this.camera);
      this.placeLetters();
    });
  }

  private fit(): void {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (width === 0 || height === 0 || this.box.isEmpty()) return;
    const size = this.box.getSize(new Vector3());
    const halfHeight = 0.56 * Math.max(size.z, (Math.hypot(size.x, size.y) * height) / width);
    this.camera.top = halfHeight;
    this.camera.bottom = -halfHeight;
    this.camera.right = (halfHeight * width) / height;
    this.camera.left = -this.camera.right;
    this.camera.updateProjectionMatrix();
    this.renderer.setSize(width, height);
    this.render();
  }

  private makeLetters(): HTMLElement[] {
    const ways: [string, Vector3][] = [
      ["A", new Vector3(1, 0, 0)],
      ["P", new Vector3(-1, 0, 0)],
      ["L", new Vector3(0, 1, 0)],
      ["R", new Vector3(0, -1, 0)],
    ];
    return ways.map(([letter, way]) => {
      const mark = Object.assign(document.createElement("span"), {
        className: "side-mark in-scene",
        textContent: letter,
      });
      this.letters.set(letter, { mark, way });
      return mark;
    });
  }

  /** Letters of anterior, posterior, left and right at the edge towards which they lie; none for what points at the reader. */
  private placeLetters(): void {
    const { clientWidth: width, clientHeight: height } = this.host;
    for (const { mark, way } of this.letters.values()) {
      const seen = way.clone().transformDirection(this.camera.matrixWorldInverse);
      const across = Math.hypot(seen.x, seen.y);
      mark.hidden = across < 0.45;
      const [x, y] = [
        width / 2 + (seen.x / across) * (width / 2 - 18),
        height / 2 - (seen.y / across) * (height / 2 - 18),
      ];
      mark.style.transform = `translate(${x.toFixed(0)}px, ${y.toFixed(0)}px) translate(-50%, -50%)`;
    }
  }

  private hit(event: PointerEvent): { level: string; point: Vec3 } | null {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const at = new Vector2(((event.clientX - left) / width) * 2 - 1, 1 - ((event.clientY - top) / height) * 2);
    const ray = new Raycaster();
    this.camera.updateMatrixWorld();
    ray.setFromCamera(at, this.camera);
    const nodes = [...this.vertebrae.values()].map(({ node }) => node).filter((node) => node.visible);
    const [first] = ray.intersectObjects(nodes, true);
    if (!first) return null;
    for (const [level, { node }] of this.vertebrae) {
      let part: Object3D | null = first.object;
      while (part && part !== node) part = part.parent;
      if (part) return { level, point: first.point.toArray() };
    }
    return null;
  }

  private onClick(then: (level: string | null) => void): void {
    let start: [number, number] = [0, 0];
    this.canvas.addEventListener("pointerdown", (event) => {
      start = [event.clientX, event.clientY];
    });
    this.canvas.addEventListener("pointerup", (event) => {
      if (Math.hypot(event.clientX - start[0], event.clientY - start[1]) < CLICK_PX)
        then(this.hit(event)?.level ?? null);
    });
  }

  private onHover(then: (point: Vec3 | null) => void): void {
    let last = 0;
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.buttons || event.pointerType !== "mouse" || event.timeStamp - last < 80) return;
      last = event.timeStamp;
      then(this.hit(event)?.point ?? null);
    });
    this.canvas.addEventListener("pointerleave", () => then(null));
  }

  private onKey(event: KeyboardEvent): void {
    const turns: Record<string, [number, number]> = {
      ArrowLeft: [1, 0],
      ArrowRight: [-1, 0],
      ArrowUp: [0, 1],
      ArrowDown: [0, -1],
    };
    const zooms: Record<string, number> = { "+": 1.15, "=": 1.15, "-": 1 / 1.15 };
    if (event.key in turns) {
      const offset = this.camera.position.clone().sub(this.controls.target);
      const side = new Vector3().crossVectors(UP, offset).normalize();
      const [around, over] = turns[event.key];
      offset.applyAxisAngle(UP, around * -KEY_STEP_RAD).applyAxisAngle(side, over * -KEY_STEP_RAD);
      this.camera.position.copy(this.controls.target).add(offset);
    } else if (event.key in zooms) {
      this.camera.zoom *= zooms[event.key];
      this.camera.updateProjectionMatrix();
    } else return;
    event.preventDefault();
    event.stopPropagation();
    this.controls.update();
    this.render();
  }
}

function isSoftware(): boolean {
  const context = document.createElement("canvas").getContext("webgl2");
  const info = context?.getExtension("WEBGL_debug_renderer_info");
  const name = info ? String(context?.getParameter(info.UNMASKED_RENDERER_WEBGL)) : "";
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software/i.test(name);
}

function sourceDirection(calibration: Calibration, view: ViewName, centre: Vec3): Vector3 {
  const towards = new Vector3(...sourceOf(calibration[view], centre)).sub(new Vector3(...centre));
  return towards.setZ(0).normalize();
}

/** One material per vertebra; the mesh may sit on the named node or below it. */
function paint(root: Object3D, ghost: boolean): Map<string, Vertebra> {
  const vertebrae = new Map<string, Vertebra>();
  for (const level of LEVELS) {
    const node = root.getObjectByName(level);
    if (!node) continue;
    const colour = ghost ? "#dfe7ee" : levelColour(level);
    const material = new MeshStandardMaterial({ color: colour, roughness: 0.62, metalness: 0, side: DoubleSide });
    if (ghost) Object.assign(material, { transparent: true, opacity: 0.38, depthWrite: false });
    node.traverse((part) => {
      if (!(part instanceof Mesh)) return;
      if (!part.geometry.attributes.normal) part.geometry.computeVertexNormals();
      colourByError(part.geometry);
      part.material = material;
    });
    vertebrae.set(level, { node, material });
  }
  return vertebrae;
}

function colourByError(geometry: BufferGeometry): void {
  const error = geometry.attributes._standard_error_mm;
  if (!error) return;
  const colours = new Float32Array(3 * error.count);
  for (let i = 0; i < error.count; i += 1) {
    const at = Math.min(0.9999, error.getX(i) / ERROR_SCALE_MM) * (ERROR_COLOURS.length - 1);
    ERROR_COLOURS[Math.floor(at)]
      .clone()
      .lerp(ERROR_COLOURS[Math.floor(at) + 1], at % 1)
      .toArray(colours, 3 * i);
  }
  geometry.setAttribute("color", new BufferAttribute(colours, 3));
}

function dashedLine(points: Vec3[]): Line {
  const geometry = new BufferGeometry().setFromPoints(points.map((point) => new Vector3(...point)));
  const line = new Line(
    geometry,
    new LineDashedMaterial({ color: 0x7fd4ff, dashSize: 4, gapSize: 3, depthTest: false }),
  );
  return line.computeLineDistances();
}

/** Lines with a translucent tube of one standard error around them; all translucent, so that no vertebra covers them. */
function constructionIn3D({ lines }: Construction): Group {
  const group = new Group();
  const paint = new LineBasicMaterial({ color: 0xffffff, transparent: true, depthTest: false });
  const band = new MeshBasicMaterial({ color: 0xffd54a, transparent: true, opacity: 0.3, depthTest: false });
  for (const { points, role } of lines) {
    const ends = points.map(({ mm }) => new Vector3(...mm));
    if (role === "outline") ends.push(ends[0]);
    const line = new Line(new BufferGeometry().setFromPoints(ends), paint);
    line.renderOrder = 3;
    group.add(line);
    for (let i = 0; i + 1 < ends.length && role !== "outline"; i += 1) {
      group.add(tube(ends[i], ends[i + 1], points[i].sigma_mm ?? 0, points[i + 1].sigma_mm ?? 0, band));
    }
    if (role !== "segment") continue;
    for (const end of ends) {
      const dot = new Mesh(
        new SphereGeometry(1.1, 12, 8),
        new MeshBasicMaterial({ color: 0xffd54a, transparent: true, depthTest: false }),
      );
      dot.position.copy(end);
      dot.renderOrder = 4;
      group.add(dot);
    }
  }
  return group;
}

function tube(a: Vector3, b: Vector3, sigmaA: number, sigmaB: number, material: MeshBasicMaterial): Mesh {
  const way = b.clone().sub(a);
  const mesh = new Mesh(new CylinderGeometry(sigmaB, sigmaA, way.length(), 16, 1, true), material);
  mesh.position.copy(a).addScaledVector(way, 0.5);
  mesh.quaternion.setFromUnitVectors(new Vector3(0, 1, 0), way.normalize());
  mesh.renderOrder = 2;
  return mesh;
}
