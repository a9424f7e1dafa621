"use strict";
// What is shown stays as it is in the ledger: parts of the page that are told to have changed are fetched again. Without
// this a reload does the same.
(() => {
  const source = document.body.dataset.events;
  const live = () => [...document.querySelectorAll("[data-live]")];
  const answers = document.getElementById("answers");
  const handed = new URLSearchParams(location.hash.slice(1)).get("answers");
  if (answers && handed) {
    answers.value = handed;
    history.replaceState(null, "", location.pathname + location.search);
    answers.focus();
  }
  if (!source || !window.EventSource || live().length === 0) return;
  // What a form was answered with cannot be asked for again: the page that it is instead of can.
  const url = document.querySelector("#told") ? document.body.dataset.here : location.href;
  let events = null, waits = null, busy = false, again = false;

  const show = text => { document.getElementById("live").textContent = text; };

  async function look() {
    waits = null;
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(url, { credentials: "same-origin", headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of live()) {
        const now = page.getElementById(part.id);
        if (!now || now.innerHTML === part.innerHTML) continue;
        // Whoever is typing or choosing there is left alone until the next change.
        if (part.querySelector("details[open], input:focus, select:focus")) continue;
        const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
        part.replaceChildren(...now.childNodes);
        if (focused) (document.getElementById(focused) || document.getElementById("main")).focus();
      }
    } catch { /* the next event tries again */ } finally {
      busy = false;
      if (again) { again = false; soon(); }
    }
  }

  function soon() { if (waits === null) waits = setTimeout(look, 700); }

  function listen() {
    if (events || document.hidden) return;
    events = new EventSource(source);
    events.onopen = () => show(" Shown as it happens.");
    events.onerror = () => show(" Not connected: reload to see what is new.");
    for (const kind of ["entry", "entries", "run", "org", "wave", "consents", "jobs", "ledger", "reset"]) {
      events.addEventListener(kind, soon);
    }
    events.addEventListener("end", () => {
      show(" The program has ended.");
      events.close();
    });
  }

  // A browser has few connections to one place: only pages that are seen keep one.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      if (events) events.close();
      events = null;
    } else {
      soon();
      listen();
    }
  });
  listen();
})();
