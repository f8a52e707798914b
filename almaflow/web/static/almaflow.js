// What pages do beyond links and forms: copy a text, and keep open what a reader has opened when a
// live part is fetched again. Without this script the button is not shown, and one click selects
// the text.

document.documentElement.classList.add("scripted");

async function copy(text) {
  // The clipboard is there over https and on this machine only.
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text.textContent);
    return true;
  }
  getSelection().selectAllChildren(text);
  return document.execCommand("copy");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  const text = button && document.getElementById(button.dataset.copy);
  if (!text) return;
  const label = button.textContent;
  let done = false;
  try {
    done = await copy(text);
  } catch {
    getSelection().selectAllChildren(text);
  }
  button.textContent = done ? "Copied" : "Press Ctrl+C to copy";
  setTimeout(() => { button.textContent = label; }, 3000);
});

let opened = new Map();

document.addEventListener("htmx:beforeSwap", (event) => {
  const all = event.target.querySelectorAll("details[id]");
  opened = new Map([...all].map((it) => [it.id, it.open]));
});

document.addEventListener("htmx:afterSwap", (event) => {
  for (const it of event.target.querySelectorAll("details[id]")) {
    if (opened.has(it.id)) it.open = opened.get(it.id);
  }
});
