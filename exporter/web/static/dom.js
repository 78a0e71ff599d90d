// Elements with text in them. Nothing here, or anywhere else, makes HTML of a string.

const SVG = "http://www.w3.org/2000/svg";

// Characters that do not print, or that turn the direction of writing.
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** Text from elsewhere with every character that does not print as an escape. */
export function printable(text) {
  return String(text).replace(
    HIDDEN,
    (one) => `\\u{${one.codePointAt(0).toString(16)}}`,
  );
}

/**
 * An element. Attributes that are null, undefined or false are left out; `on` holds
 * listeners by event. Children are nodes, text, or lists of these; null is nothing.
 */
export function el(name, attributes = {}, ...children) {
  return made(document.createElement(name), attributes, children);
}

/** The same of SVG. */
export function svg(name, attributes = {}, ...children) {
  return made(document.createElementNS(SVG, name), attributes, children);
}

/** A name from a label or from the engine: as text that cannot turn its neighbours. */
export function name(text, className = "name") {
  return el("bdi", { class: className }, printable(text));
}

/** Replace what an element holds. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter(isThere).map(asNode));
}

function made(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") {
      for (const [event, listener] of Object.entries(value)) {
        element.addEventListener(event, listener);
      }
    } else if (isThere(value)) {
      element.setAttribute(key, value === true ? "" : String(value));
    }
  }
  element.append(...children.flat(Infinity).filter(isThere).map(asNode));
  return element;
}

function isThere(value) {
  return value !== null && value !== undefined && value !== false;
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}
