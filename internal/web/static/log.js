// mail.log as it grows: each line that the server pushes is put at the end. Who has scrolled up stays where he reads.
"use strict";

const source = document.body.dataset.log;
if (source) {
  const log = document.getElementById("log");
  const longest = 2000;
  log.scrollTop = log.scrollHeight;
  new EventSource(source).addEventListener("line", (e) => {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(e.data + "\n");
    while (log.childNodes.length > longest) log.firstChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  });
}
