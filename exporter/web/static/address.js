// What is shown stands in the address, so that it can be sent, and gone back to.

const VIEWS = ["matrix", "pairs", "topology", "subnets", "outages", "exporter"];
const WORDS = [
  "view", "q", "only", "scope", "from", "to", "verdict", "network", "container", "offset",
  "across", "pair",
];

/** What the address says; unknown words are left out. */
export function read(search = location.search) {
  const given = new URLSearchParams(search);
  const state = {};
  for (const word of WORDS) {
    const value = given.get(word);
    if (value) state[word] = value;
  }
  if (!VIEWS.includes(state.view)) state.view = "matrix";
  return state;
}

/** The address of a state, relative to the page: what stands in a link. */
export function href(state) {
  const found = new URLSearchParams();
  for (const word of WORDS) {
    const value = state[word];
    const isPlain = word === "view" && value === "matrix";
    if (value && !isPlain) found.set(word, value);
  }
  return `?${found}`;
}

/** Call back with the new state whenever it changes; returns what changes it. */
export function follow(changed) {
  function go(state, { replace = false, panel = false } = {}) {
    const query = href(state);
    const url = query === "?" ? location.pathname : query;
    if (replace) history.replaceState(history.state, "", url);
    else history.pushState({ panel }, "", url);
    changed(read());
  }
  addEventListener("popstate", () => changed(read()));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    const address = link?.getAttribute("href");
    if (!address?.startsWith("?") || event.button !== 0 || !isPlain) return;
    event.preventDefault();
    const given = Object.fromEntries(new URLSearchParams(address));
    const asked = read(address);
    // A link that opens a panel leaves alone what is behind it.
    const next = link.classList.contains("keep") ? { ...read(), ...given } : asked;
    go(next, { panel: Boolean(next.pair) && !read().pair });
  });
  return go;
}
