// What the mailbox's pages do by themselves: a letter that is being written is kept by the browser until it was sent, and it
// is not sent into a line that is lost. Without this file all of it works by forms.
"use strict";

const form = document.querySelector("form.draft");

// kept is where a draft lies: one of each student's account, and one of each message that is answered.
function kept() {
  const answers = form.elements.auid ? form.elements.abox.value + " " + form.elements.auid.value : "";
  return "maillab letter " + page.dataset.who + " " + form.dataset.draft + " " + answers;
}

const fields = ["to", "cc", "bcc", "subject", "text", "once"];

// store keeps what is written now. A browser may have no room for it, or not allow it.
function store() {
  try { sessionStorage.setItem(kept(), JSON.stringify(fields.map((f) => form.elements[f].value))); } catch { /* then it is not kept */ }
}

// restore puts a draft back that was not sent; not over what the server gave back, or what an answer begins with and nobody changed.
function restore() {
  let values;
  try { values = JSON.parse(sessionStorage.getItem(kept())); } catch { return; }
  if (!Array.isArray(values) || document.querySelector(".problem")) return;
  fields.forEach((f, i) => { form.elements[f].value = values[i]; });
}

// forget throws away drafts that were sent: the server says which, for they come back under the ID that the page was given.
function forget(id) {
  try {
    for (const key of Object.keys(sessionStorage)) {
      if (key.startsWith("maillab letter ") && JSON.parse(sessionStorage.getItem(key)).includes(id)) sessionStorage.removeItem(key);
    }
  } catch { /* there is none */ }
}

// Who logs out leaves nothing behind for the next at this machine.
document.addEventListener("submit", (e) => {
  if (e.target.getAttribute("action") !== "logout") return;
  try { sessionStorage.clear(); } catch { /* there is none */ }
});

const sent = document.querySelector("[data-sent]");
if (sent) forget(sent.dataset.sent);

if (form) {
  restore();
  form.addEventListener("input", store);
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    store();
    const enclosed = [...form.elements.files.files].reduce((sum, f) => sum + f.size, 0);
    if (enclosed > Number(form.dataset.most)) {
      notice(form.dataset.large);
      return;
    }
    const button = form.querySelector("button");
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    try {
      const alive = await fetch("alive");
      if (alive.ok) {
        form.submit();
        return;
      }
      notice(page.dataset.restarted, true);
    } catch {
      notice(page.dataset.offline);
    }
    button.removeAttribute("aria-busy");
  });
}
