// Networks and subnets: the table that the server made, shown when asked for.

import { fill } from "./dom.js";

export async function load() {
  return [];
}

export function draw(root, _documents, state) {
  fill(root);
  const wanted = (state.q ?? "").toLowerCase();
  for (const row of document.querySelectorAll("#subnets tbody tr")) {
    row.hidden = !row.textContent.toLowerCase().includes(wanted);
  }
}
