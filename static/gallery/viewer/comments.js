// The conversation: moments are gone to in place, and what is written appears without the page being loaded again.
import { fetchPage, pageOf } from "../pages.js";
import { clock, excuse, say } from "./page.js";
import { seek } from "./player.js";

export function converse(video) {
  const section = document.getElementById("comments");
  const form = document.getElementById("say");
  if (video) goToMoments(video);
  if (video) writeTheMoment(form, video);
  answer(section, form);
  section.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(event.target, section, form);
  });
  section.addEventListener("click", (event) => {
    const older = event.target.closest("a[rel=next]");
    if (!older || isForAnotherTab(event)) return;
    event.preventDefault();
    if (older.ariaBusy !== "true") append(older, section);
  });
}

const isForAnotherTab = (event) => event.ctrlKey || event.metaKey || event.shiftKey;

function goToMoments(video) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.moment");
    if (!link || isForAnotherTab(event)) return;
    event.preventDefault();
    seek(video, Number(new URL(link.href).searchParams.get("t")));
    video.scrollIntoView({ block: "nearest" });
  });
}

/** Who begins to write means what is being shown. */
function writeTheMoment(form, video) {
  form.content.addEventListener("focus", () => {
    if (!form.content.value && !form.moment.value && video.currentTime >= 1) form.moment.value = clock(video.currentTime);
  });
  form.content.addEventListener("blur", () => {
    if (!form.content.value) form.moment.value = "";
  });
}

/** Moves the form below the comment that it answers. */
function answer(section, form) {
  section.addEventListener("click", (event) => {
    const link = event.target.closest(".reply, .answering a");
    if (!link || isForAnotherTab(event)) return;
    event.preventDefault();
    const words = link.closest(".words");
    if (link.matches(".reply")) aim(form, link.dataset.parent, words.querySelector(".said-by bdi").textContent, words);
    else stopAnswering(section, form);
    form.content.focus();
  });
}

function aim(form, parent, name, place) {
  form.parent.value = parent;
  form.querySelector(".answering").hidden = !parent;
  form.querySelector(".answering bdi").textContent = name;
  form.classList.toggle("open", Boolean(parent));
  place.append(form);
}

function stopAnswering(section, form) {
  aim(form, "", "", section.querySelector(".top"));
}

async function submit(sent, section, form) {
  if (sent.ariaBusy === "true") return;
  sent.ariaBusy = "true";
  try {
    // The reply leads back to the video; following it would count as a view.
    const reply = await fetch(sent.action, { method: "POST", body: new FormData(sent), redirect: "manual" });
    if (reply.type === "opaqueredirect") await refresh(section, form, sent === form);
    else if (reply.status === 400) complain(form, await pageOf(reply));
    else throw Object.assign(new Error(reply.statusText), { status: reply.status });
  } catch (error) {
    say(excuse(error));
  } finally {
    sent.ariaBusy = null;
  }
}

async function refresh(section, form, hasWritten) {
  const before = new Set(Array.from(section.querySelectorAll(".comment"), (comment) => comment.id));
  const page = await fetchPage(form.action);
  form.querySelector(".complaint")?.remove();
  if (hasWritten) form.content.value = form.moment.value = "";
  stopAnswering(section, form);
  for (const part of ["h2", ".threads", ".more"]) section.querySelector(part).replaceWith(page.querySelector(`#comments ${part}`));
  if (hasWritten) show(Array.from(section.querySelectorAll(".comment")).find((comment) => !before.has(comment.id)));
  else say("Deleted.");
  document.dispatchEvent(new Event("conversation"));
}

function show(written) {
  if (!written) return say("You have said this already.");
  written.classList.add("new");
  written.scrollIntoView({ block: "nearest" });
  return say(written.querySelector(":scope > .words .held") ? "A moderator looks at it first." : "Said.");
}

function complain(form, page) {
  form.querySelector(".complaint")?.remove();
  form.append(page.querySelector("#say .complaint"));
  form.content.focus();
}

async function append(older, section) {
  older.ariaBusy = "true";
  try {
    const page = await fetchPage(older.href);
    const isNew = (comment) => !document.getElementById(comment.id);
    section.querySelector(".threads").append(...[...page.querySelectorAll(".threads > .comment")].filter(isNew));
    section.querySelector(".more").replaceChildren(...page.querySelectorAll("#comments .more > *"));
  } catch {
    location.assign(older.href); // the browser says better than we can what is wrong
  }
}
