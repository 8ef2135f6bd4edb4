// @ts-check
// The API key: asked for only after the service answered 401, and forgotten with the browser tab.
import { html } from "./dom.js";

const STORAGE = "lumbar3d.api-key";
/** @type {Promise<void> | null} */
let pending = null;

export function storedKey() {
  return sessionStorage.getItem(STORAGE);
}

// Resolves when the reader has given a key; rejects when they gave up. Several waiting requests share one dialog.
export function askForKey() {
  pending ??= openDialog(storedKey() !== null).finally(() => {
    pending = null;
  });
  return pending;
}

/**
 * @param {boolean} wasWrong
 * @returns {Promise<void>}
 */
function openDialog(wasWrong) {
  sessionStorage.removeItem(STORAGE);
  const input = html("input", { type: "password", id: "api-key", autocomplete: "off", required: true });
  const cancel = html("button", { type: "button", class: "button" }, "Cancel");
  const form = html(
    "form",
    { method: "dialog" },
    html("h2", {}, "This service asks for an API key"),
    html("p", { class: "quiet" }, "It stays in this browser tab and is sent to this service only."),
    wasWrong ? html("p", { class: "error-text", role: "alert" }, "The key that was used is not accepted.") : null,
    html("label", { for: "api-key" }, "API key"),
    input,
    html("div", { class: "button-row" }, cancel, html("button", { class: "button primary" }, "Use this key")),
  );
  const dialog = html("dialog", { class: "key-dialog", "aria-label": "API key" }, form);
  document.body.append(dialog);
  return new Promise((resolve, reject) => {
    form.addEventListener("submit", () => {
      sessionStorage.setItem(STORAGE, input.value.trim());
      resolve();
    });
    cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      reject(new Error("No API key was given."));
    });
    dialog.showModal();
  });
}
