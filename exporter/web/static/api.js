// Documents of /api/v1/, asked for again only where they may have changed.

const KEPT = 24;
// When it was true is not what it says.
const TAKEN = /"taken": "[^"]*"/;
const kept = new Map();

/** A request that failed, in words. */
export class ApiError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/**
 * The document at a path. The same object is returned until its text changes, so who
 * draws it can tell by `===` whether there is anything to draw.
 */
export async function get(path, parameters = {}, signal = undefined) {
  const url = addressOf(path, parameters);
  const before = kept.get(url);
  const headers = before ? { "If-None-Match": before.tag } : {};
  const response = await fetch(url, { headers, signal, cache: "no-store" });
  if (response.status === 304 && before) return before.document;
  const text = await response.text();
  if (!response.ok) throw new ApiError(response.status, problem(response, text));
  const said = text.replace(TAKEN, "");
  const isSame = before?.said === said;
  const document = isSame ? before.document : JSON.parse(text);
  keep(url, { tag: response.headers.get("ETag") ?? "", said, document });
  return document;
}

function addressOf(path, parameters) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") query.set(key, value);
  }
  const text = query.toString();
  return `api/v1/${path}${text ? `?${text}` : ""}`;
}

function keep(url, entry) {
  kept.delete(url);
  kept.set(url, entry);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
}

function problem(response, text) {
  try {
    return JSON.parse(text).detail ?? response.statusText;
  } catch {
    return `${response.status} ${response.statusText}`;
  }
}
