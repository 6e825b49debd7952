// Elements from values. Text from outside goes through textContent alone, never through markup.

const SVG = "http://www.w3.org/2000/svg";

/** Return an element with attributes and children; null, undefined and false ones are left out. */
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** Return an SVG element. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/** Set an attribute, or remove it if the value is null, undefined or false. */
export function setAttribute(element, name, value) {
  const wanted = value === true ? "" : value;
  if (wanted === null || wanted === undefined || wanted === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(wanted)) element.setAttribute(name, wanted);
}

/** Set a text, touching the page only if it changes. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Make `parent` hold exactly these children in this order. Those that stay in place are not moved;
 * the focus stays on one that is.
 */
export function setChildren(parent, children) {
  const wanted = new Set(children);
  for (const old of [...parent.children]) if (!wanted.has(old)) old.remove();
  const focused = document.activeElement;
  let next = parent.firstElementChild;
  for (const child of children) {
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
  if (focused !== document.activeElement && parent.contains(focused))
    focused.focus({ preventScroll: true });
}

/** Set the text of a line that is hidden while it is empty. */
export function setLine(element, text) {
  setText(element, text);
  element.hidden = text === "";
}

/** Say in `element` what is wrong with these fields; nothing if the text is empty. */
export function setProblem(element, text, ...fields) {
  setText(element, text);
  for (const field of fields) setAttribute(field, "aria-invalid", text !== "" && "true");
}

/** Return the element with this id. */
export function byId(id) {
  return document.getElementById(id);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else setAttribute(element, name, value);
  }
  element.append(
    ...children.filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}
