// What pages do beyond links and forms: copy a text, and keep what belongs to a reader when a live
// part is fetched again. Without this script the button is not shown, and one click selects the
// text.

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

// A live part is fetched again while a person reads it. Idiomorph changes only what differs, so the
// scroll position of boxes and selected text stay; here is what else belongs to the person.

// By the id of a `details`: whether the person has opened or closed it. The page itself opens steps
// that fail.
const toggled = new Map();

document.addEventListener("click", (event) => {
  const summary = event.target.closest("summary");
  const details = summary && summary.parentElement;
  // The browser opens it after this event.
  if (details && details.id) setTimeout(() => toggled.set(details.id, details.open));
});

function isFilledIn(field) {
  if (field.matches("select")) return [...field.options].some((it) => it.selected !== it.defaultSelected);
  if (!field.matches("input, textarea")) return false;
  return field.value !== field.defaultValue || field.checked !== field.defaultChecked;
}

Object.assign(Idiomorph.defaults.callbacks, {
  beforeAttributeUpdated: (name, element) => !(name === "open" && toggled.has(element.id)),
  beforeNodeMorphed: (before) => !(before.nodeType === Node.ELEMENT_NODE && isFilledIn(before)),
});

// An element that is moved or made again loses the focus. It is found again by its place in what has
// an id: a step, or the row of a run.
const FOCUSABLE = "a, button, summary, input, select, textarea, [tabindex]";
let focused = null;

document.addEventListener("htmx:beforeSwap", (event) => {
  const element = document.activeElement;
  const around = element.closest("[id]");
  focused = around && event.target !== around && event.target.contains(around)
    ? { id: around.id, number: [...around.querySelectorAll(FOCUSABLE)].indexOf(element) }
    : null;
});

document.addEventListener("htmx:afterSwap", (event) => {
  for (const it of event.target.querySelectorAll("details[id]")) {
    if (toggled.has(it.id)) it.open = toggled.get(it.id);
  }
  const around = focused && document.getElementById(focused.id);
  if (!around || document.activeElement !== document.body) return;
  const element = focused.number < 0 ? around : around.querySelectorAll(FOCUSABLE)[focused.number];
  if (element) element.focus({ preventScroll: true });
});
