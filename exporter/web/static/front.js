// The verdict and the violations: made by the server, kept new without a reload.

import { patch } from "./patch.js";
import { setNow, tick } from "./words.js";

let tag = "";

/** Fetch the page again and take over its front; false where nobody answers. */
export async function refreshFront() {
  const { status, page, etag } = await fetched();
  if (status === 304) return true;
  const fresh = page?.getElementById("front");
  if (status !== 200 || !fresh) return false;
  tag = etag ?? "";
  setNow(fresh.dataset.now);
  const front = document.getElementById("front");
  patch(front, fresh);
  const subnets = document.getElementById("subnets");
  const networks = page.getElementById("subnets");
  if (subnets && networks) patch(subnets, networks);
  else if (networks) document.querySelector("main").append(document.importNode(networks, true));
  else subnets?.remove();
  document.title = page.title;
  tick(front);
  return true;
}

/** Seconds between two cycles, as the page says. */
export function intervalS() {
  return Number(document.getElementById("front").dataset.interval) || 15;
}

/** When what is shown was true, in seconds of Unix time. */
export function takenS() {
  return Number(document.getElementById("front").dataset.taken);
}

/** Show of the violations only those with a text in them. */
export function filterFront(text) {
  const wanted = text.toLowerCase();
  for (const card of document.querySelectorAll("#front .breach")) {
    let shown = 0;
    for (const row of card.querySelectorAll(".way, .pair")) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      shown += !row.hidden;
    }
    card.hidden = wanted !== "" && shown === 0;
  }
}

// Not fetch(): a document of a string needs a parser that trusted types forbid.
function fetched() {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("GET", location.pathname);
    request.responseType = "document";
    if (tag) request.setRequestHeader("If-None-Match", tag);
    request.timeout = 15000;
    request.onloadend = () => {
      resolve({
        status: request.status,
        page: request.response,
        etag: request.getResponseHeader("ETag"),
      });
    };
    request.send();
  });
}
