// Terminals: the screen is the server's, and comes as text. This file shows it, and sends what is typed, pasted and how large
// it is. A screen is rows of text, so that it can be selected, copied, searched and read out like any other.
"use strict";

// sequences are what keys send that are no characters (ECMA-48, xterm). Arrows, Home and End have another one in the mode of
// application cursor keys.
const sequences = {
  Enter: "\r", Backspace: "\x7f", Tab: "\t", Escape: "\x1b", Delete: "\x1b[3~", Insert: "\x1b[2~", PageUp: "\x1b[5~", PageDown: "\x1b[6~",
  F1: "\x1bOP", F2: "\x1bOQ", F3: "\x1bOR", F4: "\x1bOS", F5: "\x1b[15~", F7: "\x1b[18~", F8: "\x1b[19~", F9: "\x1b[20~", F10: "\x1b[21~", F12: "\x1b[24~",
};
const arrows = { ArrowUp: "A", ArrowDown: "B", ArrowRight: "C", ArrowLeft: "D", Home: "H", End: "F" };

// keysOf is what a key event sends, null where it is the browser's, or comes as input.
function keysOf(e, application) {
  if (e.isComposing || e.metaKey) return null;
  if (e.key === "Tab" && e.shiftKey) return "\x1b[Z";
  if (arrows[e.key]) {
    if (e.ctrlKey || e.altKey || e.shiftKey) return "\x1b[1;" + (1 + e.shiftKey + 2 * e.altKey + 4 * e.ctrlKey) + arrows[e.key];
    return (application ? "\x1bO" : "\x1b[") + arrows[e.key];
  }
  if (sequences[e.key]) return (e.altKey ? "\x1b" : "") + sequences[e.key];
  if (e.ctrlKey && !e.altKey && e.key.length === 1) {
    const code = e.key.toUpperCase().charCodeAt(0);
    if (e.key === " " || e.key === "@") return "\0";
    if (e.key === "$") return "\x1d"; // Ctrl-], where ] wants AltGr: as terminals on French keyboards have it
    if (code >= 64 && code < 96) return String.fromCharCode(code - 64);
  }
  if (e.altKey && !e.ctrlKey && e.key.length === 1) return "\x1b" + e.key;
  return null;
}

// runOf is a piece of a row in one style.
function runOf([text, style]) {
  if (style === "") return document.createTextNode(text);
  const span = document.createElement("span");
  span.textContent = text;
  for (const word of style.split(" ")) {
    if (word[1] === "#" || (word.length > 1 && Number(word.slice(1)) > 15)) {
      span.style[word[0] === "f" ? "color" : "backgroundColor"] = word[1] === "#" ? word.slice(1) : palette(Number(word.slice(1)));
    } else {
      span.classList.add("t-" + word);
    }
  }
  return span;
}

// palette is a colour above the first sixteen: a cube of six steps, then greys.
function palette(n) {
  if (n >= 232) {
    const grey = 8 + 10 * (n - 232);
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const step = (i) => (i === 0 ? 0 : 55 + 40 * i);
  return `rgb(${step(Math.floor((n - 16) / 36))} ${step(Math.floor((n - 16) / 6) % 6)} ${step((n - 16) % 6)})`;
}

// make is an element of a class.
function make(tag, name) {
  const element = document.createElement(tag);
  element.className = name;
  return element;
}

// TerminalScreen shows what a terminal shows, frame by frame: one's own, another's, or one of the past.
class TerminalScreen {
  constructor(panel, labels) {
    this.panel = panel;
    this.labels = labels;
    this.application = false;
    this.over = false;
    this.build();
  }

  build() {
    this.scroll = make("div", "scroll");
    this.history = make("div", "history");
    this.history.setAttribute("role", "log");
    this.history.setAttribute("aria-label", labels(this.labels, "tab"));
    this.screen = make("div", "screen");
    this.cursor = make("div", "cursor");
    this.status = make("p", "status");
    this.status.setAttribute("role", "status");
    this.ruler = make("span", "ruler");
    this.ruler.textContent = "x".repeat(50);
    this.screen.append(this.cursor);
    this.scroll.append(this.history, this.screen, this.ruler);
    this.panel.append(this.scroll, this.status);
    this.rows = [];
  }

  bottom() { this.scroll.scrollTop = this.scroll.scrollHeight; }

  show(frame) {
    const below = this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight < 40;
    if (frame.size) {
      this.rows = Array.from({ length: frame.size[1] }, () => {
        const row = document.createElement("div");
        row.className = "row";
        return row;
      });
      this.screen.replaceChildren(...this.rows, this.cursor);
    }
    for (const line of frame.history || []) {
      const row = document.createElement("div");
      row.className = "row";
      row.append(...line.map(runOf));
      this.history.append(row);
      if (this.history.childElementCount > 1000) this.history.firstChild.remove();
    }
    for (const [y, line] of Object.entries(frame.rows || {})) this.rows[y].replaceChildren(...line.map(runOf));
    if (frame.cursor) this.point(frame.cursor);
    if (frame.keys !== undefined) this.application = frame.keys;
    if (frame.title !== undefined) this.panel.dispatchEvent(new CustomEvent("retitled", { detail: frame.title }));
    if (frame.looked !== undefined && this.looked) this.looked.textContent = frame.looked ? labels(this.labels, "looked") : "";
    if (frame.over) this.over = true;
    if (below) this.bottom();
  }

  point([x, y]) {
    this.cursor.hidden = x < 0;
    const box = this.ruler.getBoundingClientRect();
    this.cursor.style.transform = `translate(${(x * box.width) / 50}px, ${y * box.height}px)`;
    if (this.keys) this.keys.style.top = `${this.screen.offsetTop + y * box.height}px`; // where an input method shows its candidates
  }
}

class Terminal extends TerminalScreen {
  constructor(number, panel, tools) {
    super(panel, tools);
    this.number = number;
    this.closed = false;
    this.keys = make("textarea", "keys");
    for (const [name, value] of Object.entries({ autocapitalize: "off", autocomplete: "off", autocorrect: "off", spellcheck: "false", rows: "1", "aria-label": `${labels(tools, "tab")} ${number}. ${labels(tools, "leave")}` })) {
      this.keys.setAttribute(name, value);
    }
    this.scroll.insertBefore(this.keys, this.ruler);
    this.looked = make("p", "looked");
    this.looked.setAttribute("role", "status");
    panel.prepend(this.looked);
    this.listen();
    this.connect();
  }

  listen() {
    this.scroll.addEventListener("mouseup", () => {
      if (getSelection().isCollapsed) this.keys.focus({ preventScroll: true });
    });
    this.keys.addEventListener("keydown", (e) => this.pressed(e));
    this.keys.addEventListener("input", (e) => {
      if (e.isComposing) return;
      if (!(this.handled && this.keys.value === "\n")) this.type(this.keys.value.replace(/\n/g, "\r")); // the key itself was sent
      this.keys.value = "";
    });
    this.keys.addEventListener("compositionend", () => {
      this.type(this.keys.value);
      this.keys.value = "";
    });
    this.keys.addEventListener("paste", (e) => {
      e.preventDefault();
      this.say({ paste: e.clipboardData.getData("text").replace(/\r?\n/g, "\r") });
      this.bottom();
    });
    new ResizeObserver(() => this.measure()).observe(this.scroll);
  }

  pressed(e) {
    if (e.key === "F6" || e.key === "F11") return; // ways out: see leave(); the whole screen
    if (e.ctrlKey && (e.key === "c" || e.key === "C") && (e.shiftKey || !getSelection().isCollapsed)) return; // copies
    if (e.ctrlKey && (e.key === "v" || e.key === "V")) return; // pastes
    if (e.shiftKey && (e.key === "PageUp" || e.key === "PageDown")) {
      this.scroll.scrollBy(0, (e.key === "PageUp" ? -1 : 1) * this.scroll.clientHeight * 0.9);
      e.preventDefault();
      return;
    }
    const keys = keysOf(e, this.application);
    this.handled = keys !== null;
    if (keys === null) return;
    e.preventDefault();
    if (this.over && keys === "\r") {
      this.connect();
      return;
    }
    this.type(keys);
  }

  type(keys) {
    if (keys === "") return;
    this.say({ keys });
    this.bottom();
  }

  say(what) {
    if (this.line && this.line.readyState === WebSocket.OPEN) this.line.send(JSON.stringify(what));
  }

  // size is how many columns and rows there is room for.
  size() {
    const box = this.ruler.getBoundingClientRect();
    const width = box.width / 50, height = box.height;
    if (!width || !this.scroll.clientHeight) return null;
    return [Math.floor((this.scroll.clientWidth - 16) / width), Math.floor((this.scroll.clientHeight - 10) / height)];
  }

  measure() {
    const size = this.size();
    if (size && String(size) !== String(this.told)) {
      this.told = size;
      this.say({ size });
    }
  }

  connect() {
    const [cols, rows] = (this.told = this.size() || [80, 24]);
    const address = new URL("terminal", document.baseURI);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    address.search = new URLSearchParams({ tab: this.number, cols, rows });
    this.over = false;
    this.history.replaceChildren();
    this.looked.textContent = "";
    this.line = new WebSocket(address);
    this.line.onopen = () => { this.status.textContent = ""; };
    this.line.onmessage = (e) => this.show(JSON.parse(e.data));
    this.line.onclose = (e) => {
      if (this.closed) return;
      if (this.over) {
        this.status.textContent = labels(this.labels, "over");
      } else {
        this.status.textContent = e.reason || labels(this.labels, "lost");
        setTimeout(() => { if (!this.closed) this.connect(); }, 1500);
      }
    };
  }

  close() {
    this.closed = true;
    if (this.line) this.line.close();
  }
}

// labels are the words that the server put into the page.
function labels(element, name) { return element.dataset[name] || ""; }

// Tabs are the terminals of a page (ARIA's pattern of tabs: arrows move, one is in the order of Tab).
class Tabs {
  constructor(tools) {
    this.tools = tools;
    this.list = tools.querySelector("[role=tablist]");
    this.panels = tools.querySelector(".panels");
    this.all = [];
    tools.querySelector(".new").addEventListener("click", () => this.add(true));
    this.list.addEventListener("keydown", (e) => this.moved(e));
  }

  add(focus) {
    const number = [1, 2, 3, 4, 5, 6].find((n) => !this.all.some((one) => one.number === n));
    if (!number) return;
    const tab = document.createElement("button"), panel = document.createElement("div");
    tab.type = "button";
    tab.id = `tab-${number}`;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", `panel-${number}`);
    const name = `${labels(this.tools, "tab")} ${number}`;
    tab.textContent = name;
    panel.id = `panel-${number}`;
    panel.className = "panel";
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    panel.addEventListener("retitled", (e) => { tab.title = e.detail; });
    this.list.append(tab);
    this.panels.append(panel);
    const one = { number, tab, panel };
    this.all.push(one);
    tab.addEventListener("click", () => this.show(one, true));
    this.show(one, false);
    one.terminal = new Terminal(number, panel, this.tools);
    if (focus) one.terminal.keys.focus({ preventScroll: true });
    this.keep();
  }

  show(one, focus) {
    for (const other of this.all) {
      other.tab.setAttribute("aria-selected", String(other === one));
      other.tab.tabIndex = other === one ? 0 : -1;
      other.panel.hidden = other !== one;
    }
    if (focus && one.terminal) one.terminal.keys.focus({ preventScroll: true });
  }

  moved(e) {
    const at = this.all.findIndex((one) => one.tab === document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: this.all.length - 1 }[e.key];
    if (at < 0 || to === undefined) return;
    const one = this.all[(to + this.all.length) % this.all.length];
    this.show(one, false);
    one.tab.focus();
    e.preventDefault();
  }

  // keep remembers how many tabs there are, for a reload.
  keep() {
    try { sessionStorage.setItem("maillab tabs", String(this.all.length)); } catch { /* they are one, then */ }
  }
}

// begin shows the terminals, and the switch between them and the statement where there is no room for both.
function begin(tools) {
  tools.hidden = false;
  document.body.classList.add("with-tools");
  const tabs = new Tabs(tools);
  let count = 1;
  try { count = Math.min(6, Number(sessionStorage.getItem("maillab tabs")) || 1); } catch { /* one */ }
  for (let i = 0; i < count; i++) tabs.add(false);
  tabs.show(tabs.all[0], false);
  document.addEventListener("keydown", (e) => {
    if (e.key !== "F6") return;
    e.preventDefault();
    const inside = tools.contains(document.activeElement);
    look(inside ? "statement" : "tools");
    if (inside) document.getElementById("statement").focus();
    else tabs.all.find((one) => !one.panel.hidden).terminal.keys.focus({ preventScroll: true });
  });
  const nav = document.querySelector(".switch");
  nav.hidden = false;
  nav.addEventListener("click", (e) => { if (e.target.dataset.show) look(e.target.dataset.show); });
}

function look(at) {
  document.body.classList.toggle("at-tools", at === "tools");
  for (const button of document.querySelectorAll(".switch button")) button.setAttribute("aria-pressed", String(button.dataset.show === at));
}

const tools = document.getElementById("tools");
if (tools) begin(tools);
