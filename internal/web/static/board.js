// The teacher's pages: the class and the lesson change by themselves, what one student does comes as it is done, and a
// student's terminal is looked at.
"use strict";

// hear listens to what the server pushes, and says when the line is lost. A browser that is not the teacher's any more goes to
// the page that says what to do, unless something is being written there.
function hear(address, events) {
  const source = new EventSource(address);
  source.addEventListener("boot", (e) => notice(e.data === page.dataset.boot ? "" : page.dataset.restarted));
  for (const [event, take] of Object.entries(events)) source.addEventListener(event, (e) => take(e.data));
  source.onerror = async () => {
    try {
      if ((await fetch("teacher-alive")).status === 401) {
        source.close();
        unknown();
      } else {
        notice("");
        if (source.readyState === EventSource.CLOSED) setTimeout(() => hear(address, events), 2000);
      }
    } catch {
      notice(page.dataset.offline);
    }
  };
}

// unknown is what a browser does that is not the teacher's any more.
function unknown() {
  const written = [...document.querySelectorAll("textarea, input:not([type=hidden])")].some((e) => e.value !== e.defaultValue);
  if (!written) {
    location.replace("teacher");
    return;
  }
  notice(page.dataset.restarted);
  const at = document.getElementById("notice"), link = document.createElement("a");
  link.href = "teacher";
  link.textContent = at.dataset.link;
  at.append(" ", link);
}

// place is how to find again what has the focus, once what is in a part of the page has been made anew: a link by where it leads,
// for rows change their order; anything else by which of its kind it is.
function place(at, e) {
  if (!at.contains(e)) return null;
  const href = e.getAttribute("href");
  if (href !== null) return () => at.querySelector(`a[href="${CSS.escape(href)}"]`);
  const kind = "summary, .sideways", nth = [...at.querySelectorAll(kind)].indexOf(e);
  return () => at.querySelectorAll(kind)[nth];
}

if (page.dataset.pushed) {
  hear(page.dataset.pushed, { [page.dataset.part]: (html) => {
    const at = document.getElementById(page.dataset.part);
    const focused = place(at, document.activeElement);
    const left = [...at.querySelectorAll(".sideways")].map((e) => e.scrollLeft);
    const section = (e) => e.closest("section").getAttribute("aria-labelledby");
    const open = new Map([...at.querySelectorAll("details")].map((e) => [section(e), e.open]));
    const before = at.querySelector(".classsum")?.textContent;
    at.innerHTML = html; // made and escaped by the server; scripts in it would not run
    const sum = at.querySelector(".classsum")?.textContent;
    if (sum && sum !== before) tell(sum.trim());
    at.querySelectorAll(".sideways").forEach((e, i) => { e.scrollLeft = left[i] || 0; });
    at.querySelectorAll("details").forEach((e) => { if (open.has(section(e))) e.open = open.get(section(e)); });
    if (focused && document.activeElement === document.body) focused()?.focus({ preventScroll: true });
  } });
}

// Onlooker shows a student's terminal, and sends nothing.
class Onlooker extends TerminalScreen {
  constructor(address, panel, ended) {
    super(panel, panel);
    this.scroll.tabIndex = 0;
    this.scroll.setAttribute("role", "region");
    this.scroll.setAttribute("aria-label", labels(panel, "tab"));
    const url = new URL(address, document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.line = new WebSocket(url);
    this.line.onmessage = (e) => this.show(JSON.parse(e.data));
    this.line.onclose = () => {
      this.status.textContent = labels(panel, this.over ? "over" : "lost");
      ended();
    };
  }

  close() {
    this.line.onclose = null;
    this.line.close();
    this.panel.replaceChildren();
  }
}

// look shows the terminal of a button, or, of one that is pressed, none any more.
const looking = { at: null, address: "" };
function look(address) {
  const panel = document.getElementById("looking");
  looking.at?.close();
  const same = looking.at && looking.address === address;
  looking.at = null;
  looking.address = same ? "" : address;
  panel.replaceChildren();
  panel.hidden = same;
  if (!same) looking.at = new Onlooker(address, panel, () => { looking.at = null; looking.address = ""; pressed(); });
  pressed();
}

// pressed marks the button whose terminal is shown.
function pressed() {
  for (const button of document.querySelectorAll("[data-look]")) button.setAttribute("aria-pressed", String(button.dataset.look === looking.address));
}

if (page.dataset.person) {
  const lines = document.getElementById("lines");
  hear(page.dataset.person, {
    line: (text) => {
      lines.append(text + "\n");
      while (lines.childNodes.length > 500) lines.firstChild.remove();
      lines.scrollTop = lines.scrollHeight;
    },
    tasks: (text) => {
      const change = JSON.parse(text);
      for (const [id, html] of Object.entries(change.cards)) {
        const task = document.getElementById("task-" + id);
        if (!task) continue;
        task.querySelector(".verdict").innerHTML = html; // made and escaped by the server; scripts in it would not run
        task.className = "task " + change.state[id];
      }
    },
    talks: (html) => {
      const at = document.getElementById("talks");
      const open = new Set([...at.querySelectorAll("details[open]")].map((e) => e.dataset.id));
      const focused = document.activeElement.closest?.("#talks details")?.dataset.id;
      at.innerHTML = html; // likewise
      for (const talk of at.querySelectorAll("details")) {
        talk.open = open.has(talk.dataset.id);
        if (focused && talk.dataset.id === focused) talk.querySelector("summary").focus();
      }
    },
    terminals: (html) => {
      const focused = document.activeElement.dataset.look;
      document.getElementById("terminals").innerHTML = html; // likewise
      pressed();
      if (focused) document.querySelector(`[data-look="${CSS.escape(focused)}"]`)?.focus();
    },
  });
  document.addEventListener("click", (e) => {
    const button = e.target.closest("[data-look]");
    if (button) look(button.dataset.look);
  });
}

// A link with a code is entered at once; without scripts there is the button.
const enter = document.querySelector("form[data-at-once]");
if (enter && enter.elements.code.value) {
  history.replaceState(null, "", "teacher"); // the code is nobody's to read over a shoulder
  enter.submit();
}
