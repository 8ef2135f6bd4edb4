// Decoding of a 16-bit film and its pyramid, off the page's own thread.
import { decode } from "fast-png";
import { pyramid } from "./picture";

interface Scope {
  onmessage: ((event: MessageEvent<ArrayBuffer>) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
}

const scope = self as unknown as Scope;

scope.onmessage = ({ data: bytes }) => {
  try {
    const { width, height, data, depth, channels } = decode(new Uint8Array(bytes));
    const scale = depth === 16 ? 1 : 257;
    const grey = new Uint16Array(width * height);
    for (let i = 0, from = 0; i < grey.length; i += 1, from += channels) grey[i] = data[from] * scale;
    const planes = pyramid({ columns: width, rows: height, grey });
    scope.postMessage(
      { planes },
      planes.map((plane) => plane.grey.buffer),
    );
  } catch (error) {
    scope.postMessage({ error: String(error) });
  }
};
