// The teacher's pages: the class changes by itself, and what one student types comes line by line.
"use strict";

// hear listens to what the server pushes, says when the line is lost, and when the teacher is not known any more.
function hear(address, event, take) {
  const events = new EventSource(address);
  events.addEventListener("boot", (e) => notice(e.data === page.dataset.boot ? "" : page.dataset.restarted));
  events.addEventListener(event, (e) => take(e.data));
  events.onerror = async () => {
    try {
      const known = (await fetch("teacher-alive")).status !== 401;
      notice(known ? "" : page.dataset.restarted);
      if (!known) events.close();
    } catch {
      notice(page.dataset.offline);
    }
  };
}

if (page.dataset.board) {
  hear(page.dataset.board, "board", (html) => {
    const at = document.getElementById("board");
    const focused = document.activeElement.getAttribute("href");
    const left = at.querySelector(".sideways").scrollLeft;
    at.innerHTML = html; // made and escaped by the server; scripts in it would not run
    at.querySelector(".sideways").scrollLeft = left;
    if (focused && document.activeElement === document.body) at.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  });
}

if (page.dataset.person) {
  const lines = document.getElementById("lines");
  hear(page.dataset.person, "line", (text) => {
    lines.append(text + "\n");
    while (lines.childNodes.length > 500) lines.firstChild.remove();
    lines.scrollTop = lines.scrollHeight;
  });
}

// A link with a code is entered at once; without scripts there is the button.
const enter = document.querySelector("form[data-at-once]");
if (enter && enter.elements.code.value) {
  history.replaceState(null, "", "teacher"); // the code is nobody's to read over a shoulder
  enter.submit();
}
