// What the page takes from the bundled three.js; its own types are not shipped with the bundle.
type Anything = any;
export const Box3: Anything;
export const Color: Anything;
export const DirectionalLight: Anything;
export const DoubleSide: Anything;
export const GLTFLoader: Anything;
export const HemisphereLight: Anything;
export const Mesh: Anything;
export const MeshStandardMaterial: Anything;
export const OrbitControls: Anything;
export const OrthographicCamera: Anything;
export const Scene: Anything;
export const Vector3: Anything;
export const WebGLRenderer: Anything;
