// A page that keeps itself up to date: the server draws, this patches what has changed, so that focus, open logs and
// half-typed fields stay. Without it every button is a plain form, and the page is as old as its last reload.

const PERIOD = 2000; // milliseconds between two looks
const LONGEST_PERIOD = 30000; // while the server does not answer
const REST = 8; // a look may keep the server busy for one part in so many
const SECONDS_BETWEEN_ANNOUNCEMENTS = 15;

const page = document.getElementById("live-page");
const live = document.getElementById("live-state");
const toggle = document.getElementById("live-toggle");
const spoken = document.getElementById("live-spoken");
const told = document.getElementById("live-told");

let timer;
let period = PERIOD;
let isPaused = false;
let round = 0; // of looks and actions; an answer to an older one than the last is thrown away
let lastWords = page.dataset.words;
let spokenAt = 0;

toggle.hidden = false;
toggle.addEventListener("click", () => {
  isPaused = !isPaused;
  toggle.textContent = isPaused ? "Resume updates" : "Pause updates";
  if (isPaused) {
    clearTimeout(timer);
    say("stale", "Updates are paused");
  } else look();
});

document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : isPaused || look()));

page.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.leavesThePage !== undefined || form.method !== "post") return;
  event.preventDefault();
  act(form, event.submitter);
});

wait();
say("fresh", "Live");

function wait() {
  clearTimeout(timer);
  if (!isPaused && !document.hidden) timer = setTimeout(look, period);
}

async function look() {
  clearTimeout(timer);
  const mine = ++round;
  const began = performance.now();
  try {
    const reply = await fetch(page.dataset.state + location.search, { headers: { Accept: "application/json" } });
    if (reply.redirected || reply.status === 403) return location.reload(); // signed out meanwhile
    if (!reply.ok) throw new Error(reply.status);
    const state = await reply.json();
    if (mine === round) draw(state);
    period = Math.max(PERIOD, REST * (performance.now() - began));
    if (!isPaused) say("fresh", "Live");
  } catch {
    period = Math.min(period * 2, LONGEST_PERIOD);
    if (mine === round) say("stale", "The server does not answer; this page may be out of date");
  }
  wait();
}

async function act(form, submitter) {
  const mine = ++round;
  const button = submitter ?? form.querySelector("button");
  button?.setAttribute("aria-busy", "true");
  try {
    const body = new FormData(form, submitter);
    const reply = await fetch(form.getAttribute("action") || location.href, { method: "POST", body, headers: { Accept: "application/json" } });
    if (reply.redirected || !reply.headers.get("Content-Type")?.startsWith("application/json")) return location.reload();
    const state = await reply.json();
    if (mine === round) draw(state);
    tell(state.messages);
  } catch {
    tell([{ level: "error", text: "The server does not answer; nothing was changed as far as we know. Try again." }]);
  }
  button?.removeAttribute("aria-busy");
  wait();
}

function draw(state) {
  for (const [name, html] of Object.entries(state.sections)) {
    const drawn = document.getElementById(`live-${name}`);
    if (!drawn) continue;
    const template = document.createElement("template");
    template.innerHTML = html;
    patchChildren(drawn, template.content);
  }
  const now = Date.now() / 1000;
  if (state.words !== lastWords && now - spokenAt > SECONDS_BETWEEN_ANNOUNCEMENTS) {
    spoken.textContent = lastWords = state.words;
    spokenAt = now;
  }
}

function say(kind, text) {
  if (live.textContent !== text) live.textContent = text;
  live.className = `live live-${kind}`;
}

function tell(messages) {
  told.replaceChildren(...messages.map(({ level, text }) => {
    const item = document.createElement("li");
    item.className = level;
    item.textContent = text;
    return item;
  }));
}

function patchChildren(old, fresh) {
  const keyed = new Map([...old.children].filter((child) => child.dataset.key).map((child) => [child.dataset.key, child]));
  let place = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const key = next.dataset?.key;
    let match = key ? keyed.get(key) : place;
    if (!key && match?.dataset?.key) match = undefined; // never turn a row into something else
    if (match && match.nodeName === next.nodeName) {
      if (match !== place) move(old, match, place);
      patch(match, next);
      keyed.delete(key);
      place = match.nextSibling;
    } else old.insertBefore(next, place);
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    remove(gone);
  }
  keyed.forEach(remove);
}

function patch(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  if (old.isEqualNode(fresh)) return;
  const keepsOpen = old.nodeName === "DETAILS"; // whether it is open is the reader's business
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(keepsOpen && name === "open") && name !== "aria-busy") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !(keepsOpen && name === "open")) old.setAttribute(name, value);
  }
  const isAtTheEnd = old.scrollHeight - old.scrollTop - old.clientHeight < 8;
  patchChildren(old, fresh);
  if (old.dataset.followsItsEnd !== undefined && isAtTheEnd) old.scrollTop = old.scrollHeight;
}

function move(parent, element, place) {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  parent.insertBefore(element, place);
  focused?.focus({ preventScroll: true }); // a moved element loses it
}

function remove(element) {
  if (element.contains(document.activeElement)) element.closest("section")?.querySelector("h2")?.focus({ preventScroll: true });
  element.remove();
}
