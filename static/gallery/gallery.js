// The gallery goes on by itself near its end, answers while one types, and is where one left it on the way back.
// Without this script "Load more", the search box and every link simply lead there.

import { fetchPage } from "./pages.js";

const PAGES_BY_THEMSELVES = 6; // then the footer can be reached, and "Load more" asks
const AHEAD = "1200px";
const TYPING_PAUSE = 220; // milliseconds
const FEWEST_LETTERS = 3; // shorter searches wait for Enter

const main = document.getElementById("main");
const box = document.querySelector(".find input");
const status = main.querySelector("[role=status]");
const rows = () => main.querySelector(".rows");
const next = () => main.querySelector("a[rel=next]");

const listAt = () => location.pathname + location.search;

let shown = []; // addresses of the pages below the first
let list = listAt(); // that stands here
let request = new AbortController();

// --- Pages

const read = (address) => fetchPage(address, { signal: request.signal, alsoFine: [404] }); // 404: nothing is in this category

function append(page, address) {
  // A video whose counts grew meanwhile may come a second time.
  const isNew = (card) => !rows().querySelector(`[data-id="${card.dataset.id}"]`);
  const cards = [...page.querySelectorAll(".rows > .card")].filter(isNew);
  rows().append(...cards);
  main.querySelector(".more").replaceChildren(...page.querySelectorAll(".more > *"));
  shown.push(address);
  return cards;
}

async function loadMore({ asked }) {
  const link = next();
  if (!link || link.ariaBusy === "true") return;
  link.ariaBusy = "true";
  try {
    const cards = append(await read(link.href), link.href);
    status.textContent = `${cards.length} more videos, ${rows().children.length} in all`;
    if (asked) cards[0]?.querySelector("a").focus({ preventScroll: true });
    watchTheEnd();
  } catch (error) {
    link.ariaBusy = null;
    if (error.name !== "AbortError" && asked) location.assign(link.href); // the browser says better than we can what is wrong
  }
}

main.addEventListener("click", (event) => {
  if (!event.target.closest("a[rel=next]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  loadMore({ asked: true });
});

const end = new IntersectionObserver(
  ([{ isIntersecting }]) => {
    if (isIntersecting && shown.length < PAGES_BY_THEMSELVES) loadMore({ asked: false });
  },
  { rootMargin: AHEAD },
);

function watchTheEnd() {
  end.disconnect();
  if (next() && !navigator.connection?.saveData) end.observe(next());
}

// --- Searching while one types

async function show(address) {
  request.abort();
  request = new AbortController();
  main.ariaBusy = "true";
  list = listAt();
  try {
    const page = await read(address);
    document.title = page.title;
    main.replaceChildren(...[...page.getElementById("main").children].filter((part) => part.role !== "status"), status);
    shown = [];
    status.textContent = main.querySelector(".found, h2")?.textContent.trim().replace(/\s+/g, " ") ?? "";
    scrollTo(0, 0);
    begin();
  } catch (error) {
    if (error.name === "AbortError") return; // a later one is under way
    location.assign(address);
  }
  main.ariaBusy = null;
}

function addressOf(text) {
  const address = new URL(location.href);
  for (const name of ["cursor", "search"]) address.searchParams.delete(name);
  if (text) address.searchParams.set("search", text);
  return address.href;
}

let pause;
box.addEventListener("input", () => {
  clearTimeout(pause);
  const text = box.value.trim();
  if (text && text.length < FEWEST_LETTERS) return;
  pause = setTimeout(() => {
    const address = addressOf(text);
    if (address === location.href) return;
    const isSearching = new URL(location.href).searchParams.has("search");
    history[isSearching ? "replaceState" : "pushState"](null, "", address); // one step back leaves the search, not a letter
    show(address);
  }, TYPING_PAUSE);
});

addEventListener("popstate", () => {
  if (listAt() === list) return; // a jump within the page
  box.value = new URL(location.href).searchParams.get("search") ?? "";
  show(location.href);
});

// --- The way back

addEventListener("pagehide", () => {
  const card = document.activeElement.closest?.(".card")?.dataset.id;
  history.replaceState({ shown, scroll: scrollY, card }, "");
});

async function goBackTo({ shown: addresses, scroll, card }) {
  history.scrollRestoration = "manual";
  try {
    const pages = await Promise.all(addresses.map(read));
    pages.forEach((page, index) => append(page, addresses[index]));
  } catch {
    return; // the top of the list is a place, too
  }
  scrollTo(0, scroll);
  if (card) rows().querySelector(`[data-id="${CSS.escape(card)}"] a`)?.focus({ preventScroll: true });
}

// --- Start

function begin() {
  showChosenChip();
  watchTheEnd();
}

function showChosenChip() {
  const chip = main.querySelector(".chip[aria-current]")?.getBoundingClientRect();
  const chips = main.querySelector(".chips"); // scrolled by itself: scrollIntoView would take the page along
  if (chip) chips.scrollLeft += chip.left + chip.width / 2 - chips.clientWidth / 2;
}

if (history.state?.shown?.length && rows()) await goBackTo(history.state);
begin();
