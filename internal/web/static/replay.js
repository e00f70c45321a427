// A recording of a terminal is shown again, at its pace, with what was said at the server's ports beside it.
"use strict";

// longestPause is how long nothing may happen where pauses are left out, in milliseconds.
const longestPause = 1500;

// told is a time of a recording: minutes and seconds.
function told(ms) {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

class Replay {
  constructor(at) {
    this.at = at;
    this.screen = new TerminalScreen(at.querySelector(".shown"), at);
    this.screen.scroll.tabIndex = 0;
    this.screen.scroll.setAttribute("role", "region");
    this.screen.scroll.setAttribute("aria-label", at.dataset.tab);
    this.controls = at.querySelector(".controls");
    this.button = this.controls.querySelector(".play");
    this.range = this.controls.querySelector("input[type=range]");
    this.speed = this.controls.querySelector("select");
    this.idle = this.controls.querySelector("input[type=checkbox]");
    this.output = this.controls.querySelector("output");
    this.mark = at.querySelector(".mark");
    this.lines = [...at.querySelectorAll("[data-at]")];
    this.scenes = [];
    this.next = 0; // the scene that is to come
    this.now = 0; // milliseconds
    this.playing = false;
    this.controls.hidden = false;
    this.button.addEventListener("click", () => this.play(!this.playing));
    this.range.addEventListener("input", () => this.seek(Number(this.range.value) * 1000));
    for (const line of this.lines) line.querySelector(".jump").addEventListener("click", () => this.seek(Number(line.dataset.at)));
    this.load();
  }

  // load reads the scenes, a line each.
  async load() {
    try {
      const answer = await fetch(this.at.dataset.scenes);
      if (!answer.ok) throw new Error(await answer.text());
      for (const line of (await answer.text()).split("\n")) if (line) this.scenes.push(JSON.parse(line));
    } catch (e) {
      this.mark.textContent = e instanceof TypeError ? this.at.dataset.lost : e.message;
    }
    this.end = Math.max(0, ...this.scenes.slice(-1).map((s) => s.at), ...this.lines.map((l) => Number(l.dataset.at)));
    this.range.max = String(Math.ceil(this.end / 100) / 10); // whole steps: the end can be reached
    this.seek(0);
    this.at.dataset.loaded = "1";
  }

  // seek shows how it was at a time.
  seek(ms) {
    const back = ms < this.now;
    this.now = Math.max(0, Math.min(ms, this.end));
    if (back) { // scenes are what changed: from the beginning
      this.next = 0;
      this.mark.textContent = "";
      this.screen.history.replaceChildren();
    }
    this.catchUp();
  }

  // catchUp shows what happened until now.
  catchUp() {
    while (this.next < this.scenes.length && this.scenes[this.next].at <= this.now) {
      const scene = this.scenes[this.next++];
      if (scene.frame) this.screen.show(scene.frame);
      if (scene.mark) this.mark.textContent = scene.mark;
    }
    this.range.value = String(this.now / 1000);
    this.range.setAttribute("aria-valuetext", told(this.now));
    this.output.textContent = `${told(this.now)} / ${told(this.end)}`;
    let last = null;
    for (const line of this.lines) {
      const was = Number(line.dataset.at) <= this.now;
      line.classList.toggle("tocome", !was);
      line.removeAttribute("aria-current");
      if (was) last = line;
    }
    if (last) {
      last.setAttribute("aria-current", "true");
      const list = last.parentElement;
      if (this.playing) list.scrollTop = last.offsetTop - list.offsetTop - list.clientHeight / 2;
    }
  }

  play(on) {
    this.playing = on;
    this.button.textContent = on ? this.at.dataset.pause : this.at.dataset.play;
    if (!on) return;
    if (this.now >= this.end) this.seek(0);
    this.last = performance.now();
    this.step();
  }

  // step goes on by what has passed since the last one; a pause in which nothing happens may be cut short.
  step() {
    if (!this.playing) return;
    const time = performance.now();
    let by = (time - this.last) * Number(this.speed.value);
    this.last = time;
    const coming = Math.min(...[this.scenes[this.next]?.at, ...this.lines.map((l) => Number(l.dataset.at)).filter((at) => at > this.now)].filter((at) => at !== undefined));
    if (this.idle.checked && coming - this.now > longestPause) by = Math.max(by, coming - this.now - longestPause);
    this.now = Math.min(this.end, this.now + by);
    this.catchUp();
    if (this.now >= this.end) {
      this.play(false);
      return;
    }
    setTimeout(() => this.step(), 50);
  }
}

const recorded = document.getElementById("replay");
if (recorded) new Replay(recorded);
