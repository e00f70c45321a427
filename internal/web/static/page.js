// What a student's page does by itself: tasks change when evidence comes in, forms are sent without leaving the page, and
// what is being written is kept over a lost line. Without this file all of it works by forms.
"use strict";

const page = document.body;
document.documentElement.classList.add("js");

// notice shows one line above the page; "" hides it.
function notice(text, link) {
  const at = document.getElementById("notice");
  if (!at) return;
  at.hidden = text === "";
  at.textContent = text;
  if (link) {
    const a = document.createElement("a");
    a.href = "./";
    a.textContent = "↻";
    at.append(" ", a);
  }
}

// tell has text read out.
function tell(text) {
  const at = document.getElementById("told");
  if (at) at.textContent = text;
}

// show puts what a server said of tasks into the page. What is being written is not touched.
function show(change) {
  if (change.sum) document.getElementById("sum").textContent = change.sum;
  const said = [];
  for (const [id, html] of Object.entries(change.cards)) {
    const task = document.getElementById("task-" + id);
    const verdict = task && task.querySelector(".verdict");
    if (!verdict) continue;
    const state = change.state[id];
    const another = !task.classList.contains(state);
    verdict.innerHTML = html; // made and escaped by the server; scripts in it would not run
    task.className = "task " + state + (another ? " fresh" : "");
    if (another && state !== "todo" && state !== "blocked") said.push(change.said[id]);
  }
  if (said.length > 0) tell(said.join(". "));
}

// send posts a task's form, and shows what came of it.
async function send(form) {
  const task = form.closest(".task");
  const button = form.querySelector("button");
  const failure = task.querySelector(".failure");
  const data = new URLSearchParams(new FormData(form));
  button.setAttribute("aria-busy", "true");
  failure.hidden = true;
  try {
    const answer = await fetch(form.getAttribute("action"), {
      method: "POST", body: data, headers: { "X-Token": page.dataset.token },
    });
    if (answer.ok) {
      show(await answer.json());
      if (form.classList.contains("answer")) drafts.forget(task.dataset.task);
    } else if (answer.status === 401) {
      notice(page.dataset.restarted, true);
    } else {
      failure.textContent = await answer.text();
      failure.hidden = false;
    }
  } catch {
    failure.textContent = page.dataset.offline;
    failure.hidden = false;
  } finally {
    button.removeAttribute("aria-busy");
  }
}

// drafts are answers that were not given yet, kept by this browser until they are.
const drafts = {
  key: (id) => "maillab draft " + page.dataset.who + " " + id,
  restore() {
    for (const area of document.querySelectorAll(".answer textarea")) {
      const id = area.closest(".task").dataset.task;
      try { area.value ||= sessionStorage.getItem(this.key(id)) || ""; } catch { return; }
      area.addEventListener("input", () => {
        try { sessionStorage.setItem(this.key(id), area.value); } catch { /* it is full, or not allowed */ }
      });
    }
  },
  forget(id) {
    try { sessionStorage.removeItem(this.key(id)); } catch { /* likewise */ }
  },
};

// says shows what the teacher said, until it is put away.
function says({ id, text }) {
  const at = document.getElementById("teachersays");
  at.hidden = !text;
  at.querySelector("span").textContent = text;
  at.querySelector("button").onclick = () => {
    fetch("noticed", { method: "POST", body: new URLSearchParams({ id }), headers: { "X-Token": page.dataset.token } }).catch(() => {});
    at.hidden = true;
  };
}

// follow listens to what the server pushes, and comes again when the line is lost.
function follow() {
  const events = new EventSource(page.dataset.events);
  events.addEventListener("boot", (e) => {
    notice("");
    if (e.data !== page.dataset.boot) notice(page.dataset.restarted, true);
  });
  events.addEventListener("tasks", (e) => show(JSON.parse(e.data)));
  events.addEventListener("notice", (e) => says(JSON.parse(e.data)));
  events.onerror = async () => {
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, 2000);
    try {
      const alive = await fetch("alive");
      notice(alive.status === 401 ? page.dataset.restarted : "", true);
      if (alive.status === 401) events.close();
    } catch {
      notice(page.dataset.offline);
    }
  };
}

if (page.dataset.events) {
  drafts.restore();
  document.addEventListener("submit", (e) => {
    if (e.target.matches(".task form")) {
      e.preventDefault();
      send(e.target);
    }
  });
  document.addEventListener("keydown", (e) => {
    if (e.target.matches(".answer textarea") && e.key === "Enter" && (e.ctrlKey || e.metaKey)) e.target.form.requestSubmit();
  });
  follow();
}
