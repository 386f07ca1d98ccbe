// Goes on where one left.
import { seek } from "./player.js";
import { clock, keep, mediaId, recall } from "./page.js";

const FEWEST = 5; // seconds that are worth coming back to
const NEAR_THE_END = 0.95;
const MOST_REMEMBERED = 100; // videos
const SHOWN_FOR = 8000; // milliseconds

export function resume(video) {
  const left = (recall("positions") ?? []).find(([id]) => id === mediaId)?.[1];
  const asksForAMoment = new URL(location).searchParams.has("t");
  if (left && !asksForAMoment) goBackTo(left, video);

  let kept = 0;
  const remember = () => {
    kept = video.currentTime;
    const others = (recall("positions") ?? []).filter(([id]) => id !== mediaId);
    const isWorthIt = kept >= FEWEST && kept < video.duration * NEAR_THE_END;
    keep("positions", [...(isWorthIt ? [[mediaId, Math.floor(kept)]] : []), ...others].slice(0, MOST_REMEMBERED));
  };
  video.addEventListener("timeupdate", () => !video.paused && Math.abs(video.currentTime - kept) >= 3 && remember());
  video.addEventListener("pause", remember);
  video.addEventListener("ended", remember);
  addEventListener("pagehide", () => video.played.length && remember());
}

function goBackTo(moment, video) {
  const note = document.querySelector(".resumed");
  seek(video, moment);
  note.hidden = false;
  note.querySelector("span").textContent = `Resumed at ${clock(moment)}`;
  note.querySelector("button").addEventListener("click", () => {
    seek(video, 0);
    note.hidden = true;
    video.focus();
  });
  video.addEventListener("playing", () => setTimeout(() => (note.hidden = true), SHOWN_FOR), { once: true });
}
