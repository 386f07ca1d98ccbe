// Shares the page, or this moment of it.
import { clock, say } from "./page.js";

export function share(video) {
  const sheet = document.getElementById("share");
  const link = sheet.querySelector(".link");
  const page = link.value;
  const fromHere = sheet.querySelector(".from-here");

  const update = () => {
    const moment = Math.floor(video?.currentTime ?? 0);
    if (fromHere) sheet.querySelector(".here").textContent = clock(moment);
    link.value = fromHere?.checked ? `${page}?t=${moment}` : page;
  };
  sheet.addEventListener("beforetoggle", (event) => {
    if (event.newState !== "open") return;
    if (fromHere) fromHere.checked = video.currentTime >= 1;
    update();
  });
  fromHere?.addEventListener("change", update);
  for (const field of sheet.querySelectorAll("[readonly]")) field.addEventListener("focus", () => field.select());

  sheet.querySelector(".copy").addEventListener("click", async () => {
    await copy(link);
    sheet.hidePopover();
    say("Copied.");
  });
  const handOn = sheet.querySelector(".hand-on");
  handOn.hidden = !navigator.share;
  handOn.addEventListener("click", () => navigator.share({ title: document.title, url: link.value }).catch(() => {})); // thought better of it
}

/** The clipboard of today is kept from pages over plain http. */
async function copy(field) {
  if (navigator.clipboard) return navigator.clipboard.writeText(field.value);
  field.select();
  return document.execCommand("copy");
}
