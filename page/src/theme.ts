// Dark, as reading rooms are, unless the reader has asked for light.

const STORAGE = "lumbar3d.theme";

export function startTheme(): void {
  document.documentElement.dataset.theme = localStorage.getItem(STORAGE) ?? "dark";
}

export function toggleTheme(): void {
  const next = document.documentElement.dataset.theme === "light" ? "dark" : "light";
  localStorage.setItem(STORAGE, next);
  document.documentElement.dataset.theme = next;
}
