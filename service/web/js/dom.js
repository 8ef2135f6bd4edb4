// @ts-check
// Two ways to make elements. Text is always set as text, never parsed as markup.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

function append(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function html(tag, attributes = {}, ...children) {
  return append(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return append(document.createElementNS(SVG_NAMESPACE, tag), attributes, children);
}

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no element "${id}"`);
  return element;
}

/**
 * @param {string} id
 * @returns {HTMLInputElement}
 */
export function inputById(id) {
  return /** @type {HTMLInputElement} */ (byId(id));
}

export function show(element, visible = true) {
  element.hidden = !visible;
}
