// The studio without reloads: clips are added, moved and removed in place. The form is all the state there is, and each button
// is a plain submit where there are no scripts.
import { clock, openTrim, secondsOf } from "./trim.js";

const PAUSE = 250; // milliseconds without a key, after which a search is asked for
const EDGE = 60; // pixels from the window's edge where a dragged clip scrolls the page

const form = document.getElementById("studio");
const list = document.getElementById("clips");
const found = document.getElementById("found");
const query = document.getElementById("studio-q");
const spoken = document.getElementById("studio-spoken");

const title = (item) => item.querySelector("b").textContent;
const place = (item) => `${[...list.children].indexOf(item) + 1} of ${list.children.length}`;
const say = (text) => { spoken.textContent = text; };

const ACTS = {
  up: (item) => move(item, -1),
  down: (item) => move(item, 1),
  remove,
  add: (_, video) => add(video),
  search,
};

form.addEventListener("click", (event) => {
  const button = event.target.closest("button[name=act]");
  const [verb, subject] = button?.value.split(":") ?? [];
  if (!ACTS[verb]) return;
  event.preventDefault();
  ACTS[verb](button.closest(".clip"), subject);
});

// --- Clips

function move(item, by) {
  const other = by < 0 ? item.previousElementSibling : item.nextElementSibling;
  if (!other) return say(`${title(item)} is ${by < 0 ? "first" : "last"} already`);
  // The other one is moved, for an element that is moved loses the focus.
  if (by < 0) item.after(other);
  else item.before(other);
  item.scrollIntoView({ block: "nearest" });
  changed(`${title(item)}, ${place(item)}`);
}

function remove(item) {
  const neighbour = item.nextElementSibling ?? item.previousElementSibling;
  item.remove();
  (neighbour?.querySelector("[value^=remove]") ?? document.getElementById("studio-clips")).focus();
  changed(`Removed ${title(item)}`);
}

async function add(video) {
  if (list.children.length >= Number(form.dataset.most)) return say(`There are ${form.dataset.most} clips at most`);
  const drawn = await ask(`${form.dataset.clip}?video=${video}`);
  if (drawn === undefined) return say("The server does not answer; nothing was added");
  list.insertAdjacentHTML("beforeend", drawn);
  dress(list.lastElementChild);
  changed(`Added ${title(list.lastElementChild)}, ${place(list.lastElementChild)}`);
}

function changed(text) {
  const lengths = [...list.children].map(lengthOf);
  document.getElementById("studio-length").textContent = `${lengths.length}, ${clock(lengths.reduce((sum, one) => sum + one, 0))}`;
  document.getElementById("no-clips").hidden = lengths.length > 0;
  const outdated = document.getElementById("outdated");
  if (outdated) outdated.hidden = false;
  if (text) say(text);
}

function lengthOf(item) {
  const [start, end] = ["inPoint", "outPoint"].map((name) => secondsOf(item.querySelector(`[name=${name}]`).value));
  return Math.max(0, (end ?? Number(item.dataset.length)) - (start ?? 0));
}

form.addEventListener("input", (event) => event.target !== query && changed());
form.addEventListener("toggle", (event) => event.target.matches(".trim") && openTrim(event.target), true);

// --- Dragging, by pointer or finger, and by the keys of the handle

function dress(item) {
  const handle = item.querySelector(".handle");
  handle.hidden = false;
  handle.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    item.classList.add("dragged");
  });
  handle.addEventListener("pointermove", (event) => handle.hasPointerCapture(event.pointerId) && drag(item, event.clientY));
  handle.addEventListener("lostpointercapture", () => {
    item.classList.remove("dragged");
    changed(`${title(item)}, ${place(item)}`);
  });
  handle.addEventListener("keydown", (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    move(item, by);
  });
}

function drag(item, y) {
  const { previousElementSibling: previous, nextElementSibling: next } = item;
  if (y < EDGE || y > innerHeight - EDGE) scrollBy(0, y < EDGE ? -12 : 12);
  if (previous && y < middle(previous)) item.after(previous);
  else if (next && y > middle(next)) item.before(next);
  else return;
  drag(item, y); // it may have passed several
}

function middle(item) {
  const { top, height } = item.getBoundingClientRect();
  return top + height / 2;
}

[...list.children].forEach(dress);

// --- Searching

let timer;
let asked = 0;

query.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(search, PAUSE);
});

async function search() {
  clearTimeout(timer);
  timer = undefined;
  const mine = ++asked;
  found.setAttribute("aria-busy", "true");
  const drawn = await ask(`${form.dataset.found}?q=${encodeURIComponent(query.value)}`);
  if (mine !== asked) return;
  found.setAttribute("aria-busy", "false");
  if (drawn === undefined) say("The server does not answer");
  else found.innerHTML = drawn;
}

query.addEventListener("keydown", async (event) => {
  if (event.key !== "ArrowDown") return;
  event.preventDefault();
  if (timer) await search(); // for what has been typed since
  found.querySelector("button")?.focus();
});

found.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step && event.key !== "Escape") return;
  event.preventDefault();
  const results = [...found.querySelectorAll("button")];
  (step ? results[results.indexOf(document.activeElement) + step] : query)?.focus();
});

async function ask(address) {
  try {
    const reply = await fetch(address);
    if (reply.ok && !reply.redirected) return await reply.text();
    if (reply.redirected) location.reload(); // signed out meanwhile
  } catch { /* said by who asked */ }
  return undefined;
}
