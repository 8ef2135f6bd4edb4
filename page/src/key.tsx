// The API key: asked for only after the service answered 401, and forgotten with the browser tab.
import { render } from "preact";

const STORAGE = "lumbar3d.api-key";
let pending: Promise<void> | null = null;

export function storedKey(): string | null {
  return sessionStorage.getItem(STORAGE);
}

/** Resolves when the reader has given a key; rejects when they gave up. Several waiting requests share one dialog. */
export function askForKey(): Promise<void> {
  pending ??= openDialog(storedKey() !== null).finally(() => {
    pending = null;
  });
  return pending;
}

function openDialog(wasWrong: boolean): Promise<void> {
  sessionStorage.removeItem(STORAGE);
  const host = document.createElement("div");
  document.body.append(host);
  return new Promise((resolve, reject) => {
    const onSubmit = (event: SubmitEvent) => {
      const field = (event.currentTarget as HTMLFormElement).elements.namedItem("api-key") as HTMLInputElement;
      sessionStorage.setItem(STORAGE, field.value.trim());
      resolve();
    };
    const onClose = () => {
      render(null, host);
      host.remove();
      reject(new Error("No API key was given."));
    };
    render(<KeyDialog wasWrong={wasWrong} onSubmit={onSubmit} onClose={onClose} />, host);
    host.querySelector("dialog")?.showModal();
  });
}

function KeyDialog(props: { wasWrong: boolean; onSubmit: (event: SubmitEvent) => void; onClose: () => void }) {
  const cancel = (event: Event) => (event.currentTarget as Element).closest("dialog")?.close();
  return (
    <dialog class="dialog" aria-label="API key" onClose={props.onClose}>
      <form method="dialog" onSubmit={props.onSubmit}>
        <h2>This service asks for an API key</h2>
        <p class="quiet">It stays in this browser tab and is sent to this service only.</p>
        {props.wasWrong && (
          <p class="error-text" role="alert">
            The key that was used is not accepted.
          </p>
        )}
        <label for="api-key">API key</label>
        <input type="password" id="api-key" name="api-key" autocomplete="off" required />
        <div class="button-row">
          <button type="button" class="button" onClick={cancel}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            Use this key
          </button>
        </div>
      </form>
    </dialog>
  );
}
