// @ts-check
// The reconstructed vertebrae in 3D: world millimetres, z up, turned with mouse, touch or arrow keys.
import {
  Box3,
  Color,
  DirectionalLight,
  DoubleSide,
  GLTFLoader,
  HemisphereLight,
  Mesh,
  MeshStandardMaterial,
  OrbitControls,
  OrthographicCamera,
  Scene,
  Vector3,
  WebGLRenderer,
} from "../vendor/three/three.bundle.min.js";
import { getBytes, jobPath } from "./api.js";
import { byId, html } from "./dom.js";
import { LEVELS, levelColour } from "./levels.js";

const KEY_STEP_RAD = Math.PI / 24;
const UP = new Vector3(0, 0, 1);

export async function createScene(host, { id, geometry, display }) {
  const gltf = await new GLTFLoader().parseAsync(await getBytes(jobPath(id, "/spine.glb")), "");
  const vertebrae = paint(gltf.scene);
  const renderer = new WebGLRenderer({ antialias: true });
  renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
  const scene = new Scene();
  scene.background = new Color(getComputedStyle(document.documentElement).getPropertyValue("--film").trim());
  // Vertices are world mm; only the root of the file turns them into metres with y up, for other viewers.
  const nodes = [...vertebrae.values()].map(({ node }) => node);
  scene.add(...nodes, new HemisphereLight(0xffffff, 0x46525c, 1.6));
  const camera = new OrthographicCamera();
  camera.up.copy(UP);
  const headlight = new DirectionalLight(0xffffff, 1.9);
  headlight.position.set(0.4, 0.6, 1);
  camera.add(headlight);
  scene.add(camera);
  const canvas = renderer.domElement;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Lumbar spine in 3D; arrow keys turn it, plus and minus zoom");
  host.replaceChildren(canvas);

  const controls = new OrbitControls(camera, canvas);
  const box = new Box3();
  for (const node of nodes) box.expandByObject(node);
  const stage = { renderer, scene, camera, controls, box };
  const render = () => renderer.render(scene, camera);
  const turnTo = (direction) => place(stage, direction, render);
  controls.addEventListener("change", render);
  display.addEventListener("change", () => {
    applyDisplay(vertebrae, display);
    render();
  });
  addViewButtons(geometry, turnTo);
  canvas.addEventListener("keydown", (event) => onKey(event, stage));
  new ResizeObserver(() => fit(stage, host, render)).observe(host);
  fit(stage, host, render);
  turnTo(
    direction(geometry.ap)
      .add(direction(geometry.lat).multiplyScalar(0.9))
      .add(new Vector3(0, 0, 0.35)),
  );
}

// One material per vertebra; the mesh may sit on the named node or below it.
function paint(root) {
  const vertebrae = new Map();
  for (const level of LEVELS) {
    const node = root.getObjectByName(level);
    if (!node) continue;
    const material = new MeshStandardMaterial({
      color: levelColour(level),
      roughness: 0.62,
      metalness: 0,
      side: DoubleSide,
    });
    node.traverse((part) => {
      if (!(part instanceof Mesh)) return;
      if (!part.geometry.attributes.normal) part.geometry.computeVertexNormals();
      part.material = material;
    });
    vertebrae.set(level, { node, material });
  }
  return vertebrae;
}

function applyDisplay(vertebrae, display) {
  for (const [level, { node, material }] of vertebrae) {
    node.visible = display.shown.has(level);
    material.transparent = display.isDimmed(level);
    material.opacity = material.transparent ? 0.25 : 1;
    material.depthWrite = !material.transparent;
    material.needsUpdate = true;
  }
}

function direction({ source, centre }) {
  const towards = new Vector3(...source).sub(new Vector3(...centre));
  return towards.setZ(0).normalize();
}

function addViewButtons(geometry, turnTo) {
  const views = [
    ["AP", direction(geometry.ap)],
    ["LAT", direction(geometry.lat)],
    ["Back", direction(geometry.ap).negate()],
    // Not straight down: the controls lose their bearings at the pole.
    ["Top", new Vector3(-0.001, 0, 1)],
  ];
  const buttons = views.map(([label, towards]) =>
    html("button", { type: "button", class: "button small", onclick: () => turnTo(towards.clone()) }, label),
  );
  byId("scene-views").replaceChildren(...buttons);
}

function place({ camera, controls, box }, towards, render) {
  const radius = box.getSize(new Vector3()).length();
  box.getCenter(controls.target);
  camera.position.copy(controls.target).addScaledVector(towards.normalize(), 3 * radius);
  camera.zoom = 1;
  camera.near = 0.1 * radius;
  camera.far = 8 * radius;
  camera.updateProjectionMatrix();
  controls.update();
  render();
}

function fit({ renderer, camera, box }, host, render) {
  const { clientWidth: width, clientHeight: height } = host;
  if (width === 0 || height === 0) return;
  const size = box.getSize(new Vector3());
  const halfHeight = 0.56 * Math.max(size.z, (Math.hypot(size.x, size.y) * height) / width);
  camera.top = halfHeight;
  camera.bottom = -halfHeight;
  camera.right = (halfHeight * width) / height;
  camera.left = -camera.right;
  camera.updateProjectionMatrix();
  renderer.setSize(width, height);
  render();
}

function onKey(event, { camera, controls }) {
  const turns = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const zooms = { "+": 1.15, "=": 1.15, "-": 1 / 1.15 };
  if (event.key in turns) {
    const offset = camera.position.clone().sub(controls.target);
    const side = new Vector3().crossVectors(UP, offset).normalize();
    const [around, over] = turns[event.key];
    offset.applyAxisAngle(UP, around * -KEY_STEP_RAD).applyAxisAngle(side, over * -KEY_STEP_RAD);
    camera.position.copy(controls.target).add(offset);
  } else if (event.key in zooms) {
    camera.zoom *= zooms[event.key];
    camera.updateProjectionMatrix();
  } else return;
  event.preventDefault();
  controls.update();
  controls.dispatchEvent({ type: "change" });
}
