// What is there becomes what it should be, and only where it differs.

/**
 * Make one element equal to another, touching only what differs: focus, what is
 * selected and what was opened stay.
 */
export function patch(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  for (const { name } of [...old.attributes]) {
    const isOurs = name === "open" || name === "hidden";
    if (!isOurs && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  patchChildren(old, fresh);
}

function patchChildren(old, fresh) {
  let next = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const found = match(old, next, wanted);
    if (found === null) {
      old.insertBefore(document.importNode(wanted, true), next);
      continue;
    }
    if (found !== next) old.insertBefore(found, next);
    else next = next.nextSibling;
    if (found.nodeType === Node.ELEMENT_NODE) patch(found, wanted);
    else if (found.data !== wanted.data) found.data = wanted.data;
  }
  while (next !== null) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}

/** The child that is to become what is wanted: the one of its key, or the next. */
function match(old, next, wanted) {
  const key = wanted.dataset?.key;
  if (key !== undefined) {
    const child = [...old.children].find((one) => one.dataset?.key === key);
    return child?.nodeName === wanted.nodeName ? child : null;
  }
  const isAlike =
    next !== null &&
    next.nodeType === wanted.nodeType &&
    next.nodeName === wanted.nodeName &&
    next.dataset?.key === undefined;
  return isAlike ? next : null;
}
