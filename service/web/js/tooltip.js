// @ts-check
// One tooltip for every element with data-tip; shown on hover, focus and tap, closed with Escape.
import { html, show } from "./dom.js";

const GAP_PX = 8;

export function enableTooltips(root) {
  const tip = html("div", { class: "tip", "aria-hidden": "true", hidden: true });
  document.body.append(tip);
  const hide = () => show(tip, false);
  const open = (event) => {
    const owner = event.target.closest("[data-tip]");
    if (!owner) return;
    tip.textContent = owner.dataset.tip;
    show(tip);
    const anchor = owner.getBoundingClientRect();
    const left = Math.min(anchor.left, innerWidth - tip.offsetWidth - GAP_PX);
    const below = anchor.bottom + GAP_PX;
    const fits = below + tip.offsetHeight < innerHeight;
    tip.style.left = `${Math.max(GAP_PX, left)}px`;
    tip.style.top = `${fits ? below : anchor.top - tip.offsetHeight - GAP_PX}px`;
  };
  for (const event of ["mouseover", "focusin", "click"]) root.addEventListener(event, open);
  for (const event of ["mouseout", "focusout"]) root.addEventListener(event, hide);
  document.addEventListener("scroll", hide, { passive: true });
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
}
