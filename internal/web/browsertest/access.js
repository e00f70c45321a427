(what) => {
  // What a document tells of itself, for package browsertest. Returns violations as JSON.
  const wrong = [];
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = "#000";
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const luminance = ([r, g, b]) => {
    const part = (c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const contrast = (x, y) => {
    const [low, high] = [luminance(x), luminance(y)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color[3] > 0) layers.push(color);
      if (color[3] === 1) break;
    }
    let color = rgba(getComputedStyle(document.documentElement).colorScheme.includes("dark") && matchMedia("(prefers-color-scheme: dark)").matches ? "#121212" : "#fff");
    for (const layer of layers.reverse()) color = over(layer, color);
    return color;
  };
  const opacity = (element) => {
    let all = 1;
    for (let e = element; e; e = e.parentElement) all *= Number(getComputedStyle(e).opacity);
    return all;
  };
  const shown = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && e.getClientRects().length > 0;
  const called = (e) => `<${e.tagName.toLowerCase()}${e.id ? " #" + e.id : ""}${e.getAttribute("class") ? " ." + e.getAttribute("class") : ""}> ${(e.textContent || "").trim().slice(0, 40)}`;
  const away = (e) => e.closest(".away, .skip, .keys, .ruler") || getComputedStyle(e).clipPath === "inset(50%)" || e.closest(".told") && getComputedStyle(e.closest(".told")).clipPath === "inset(50%)";

  const text = (e, color, below, style) => {
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const top = rgba(color);
    top[3] *= opacity(e);
    const got = contrast(over(top, below), below), least = large ? 3 : 4.5;
    if (got < least - 0.01) wrong.push(`contrast ${got.toFixed(2)}, ${least} is the least: ${called(e)}`);
  };

  const drawn = (svg) => {
    const shapes = [...svg.querySelectorAll("rect, path, polygon, circle")];
    for (const e of svg.querySelectorAll("text")) {
      if (!e.textContent.trim()) continue;
      const box = e.getBoundingClientRect(), x = box.left + box.width / 2, y = box.top + box.height / 2;
      let below = ground(svg);
      for (const s of shapes) {
        const around = s.getBoundingClientRect(), style = getComputedStyle(s);
        if (!(s.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING) || style.fill === "none") continue;
        if (around.left > x || around.right < x || around.top > y || around.bottom < y) continue;
        const fill = rgba(style.fill);
        fill[3] *= Number(style.fillOpacity);
        below = over(fill, below);
      }
      const style = getComputedStyle(e);
      text(e, style.fill, below, style);
    }
  };

  // tabbed tells whether an element had the focus, it or the one in whose place it stands: a part of a page that changes by itself is made anew.
  const key = (e) => [e.tagName, e.className, e.tagName === "SUMMARY" && e.textContent, ...["href", "aria-label", "aria-labelledby"].map((name) => e.getAttribute(name))].join("\n");
  const tabbed = (e) => window.tabbed.some((t) => t === e || !t.isConnected && key(t) === key(e));

  const looks = {
    document() {
      if (!document.title.trim()) wrong.push("no title");
      const ids = new Set();
      for (const e of document.querySelectorAll("[id]")) {
        if (ids.has(e.id)) wrong.push(`the id ${e.id} is there twice`);
        ids.add(e.id);
      }
      for (const name of ["aria-labelledby", "aria-describedby", "aria-controls", "for", "list"]) {
        for (const e of document.querySelectorAll(`[${name}]`)) {
          for (const id of e.getAttribute(name).split(/\s+/)) if (!ids.has(id)) wrong.push(`${name} leads to ${id}, which is not there: ${called(e)}`);
        }
      }
      for (const e of document.querySelectorAll("a[href^='#']")) if (!ids.has(decodeURIComponent(e.hash.slice(1)))) wrong.push(`${e.hash} is not there: ${called(e)}`);
      const told = [...document.querySelectorAll("[role=status], [role=log], [aria-live=polite]")].some((e) => !e.closest("[hidden]"));
      if (document.querySelector("body[data-events], body[data-person], body[data-log], body[data-pushed]") && !told) wrong.push("it changes by itself, and nothing of it is read out");
      for (const e of document.querySelectorAll("table")) if (!e.querySelector("th")) wrong.push(`a table without heads: ${called(e)}`);
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let n = walker.nextNode(); n; n = walker.nextNode()) {
        const e = n.parentElement;
        if (!n.data.trim() || !shown(e) || away(e) || e.closest("svg, script, option, [disabled]")) continue;
        const style = getComputedStyle(e);
        text(e, style.color, ground(e), style);
      }
      for (const svg of document.querySelectorAll("svg")) if (shown(svg)) drawn(svg);
      for (const e of document.querySelectorAll("input:not([type=hidden], [type=checkbox], [type=radio], [type=range]), textarea, select")) {
        if (!shown(e) || away(e)) continue;
        const style = getComputedStyle(e);
        if (e.placeholder) text(e, getComputedStyle(e, "::placeholder").color, ground(e), style);
        const around = ground(e.parentElement), got = contrast(over(rgba(style.borderTopColor), around), around);
        if (parseFloat(style.borderTopWidth) === 0 || got < 3) wrong.push(`the edge of a field has a contrast of ${got.toFixed(2)}, 3 is the least: ${called(e)}`);
      }
      for (const e of document.querySelectorAll("button, select, input:not([type=hidden]), summary")) {
        if (!shown(e) || away(e)) continue;
        const box = e.getBoundingClientRect();
        if (box.width < 23.5 || box.height < 23.5) wrong.push(`${Math.round(box.width)} × ${Math.round(box.height)} pixels, 24 are the least: ${called(e)}`);
      }
    },
    width() {
      const room = document.documentElement.clientWidth;
      if (document.documentElement.scrollWidth <= room) return;
      wrong.push(`it is ${document.documentElement.scrollWidth} wide`);
      for (const e of document.querySelectorAll("body *")) {
        if (e.getBoundingClientRect().right > room + 1 && shown(e) && !e.closest(".sideways, pre, .drawn, .away, .skip")) wrong.push(called(e));
      }
    },
    motion() {
      for (const e of document.querySelectorAll("*")) {
        const style = getComputedStyle(e);
        if (style.animationName !== "none" || style.transitionDuration.split(",").some((d) => parseFloat(d) > 0) || style.scrollBehavior === "smooth") wrong.push(`it moves: ${called(e)}`);
      }
    },
    focus() {
      const e = document.activeElement;
      if (!e || e === document.body || e === document.documentElement || tabbed(e)) return wrong.push("end");
      const before = window.tabbed.at(-1);
      window.tabbed.push(e);
      if (before?.isConnected && !(before.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING)) wrong.push(`it gets the focus after what stands behind it: ${called(e)}`);
      const box = e.getBoundingClientRect();
      if (e.classList.contains("keys")) {
        if (getComputedStyle(e.closest(".scroll")).outlineStyle === "none") wrong.push("a terminal does not show that it has the focus");
        return;
      }
      if (box.width < 2 || box.height < 2 || box.bottom <= 0 || box.right <= 0 || box.top >= innerHeight || box.left >= innerWidth) wrong.push(`it has the focus and is not seen: ${called(e)}`);
      const style = getComputedStyle(e);
      if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return wrong.push(`it does not show that it has the focus: ${called(e)}`);
      if (style.outlineStyle !== "auto") {
        const around = ground(e.parentElement), got = contrast(over(rgba(style.outlineColor), around), around);
        if (got < 3) wrong.push(`that it has the focus is shown at a contrast of ${got.toFixed(2)}: ${called(e)}`);
      }
      const hidden = document.elementsFromPoint(Math.min(innerWidth - 1, Math.max(0, box.left + box.width / 2)), Math.min(innerHeight - 1, Math.max(0, box.top + Math.min(box.height, 20) / 2)))[0];
      if (hidden && !e.contains(hidden) && !hidden.contains(e)) wrong.push(`it has the focus below ${called(hidden)}: ${called(e)}`);
    },
    left() {
      for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), textarea, select, summary, [tabindex='0']")) {
        if (!shown(e) || e.disabled || e.tabIndex < 0 || tabbed(e) || e.closest(".tools") || e.type === "radio") continue;
        const last = window.tabbed.at(-1);
        if (last && last.classList.contains("keys") && (last.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
        wrong.push(`Tab does not come to it: ${called(e)}`);
      }
    },
  };
  looks[what]();
  return JSON.stringify([...new Set(wrong)]);
}
