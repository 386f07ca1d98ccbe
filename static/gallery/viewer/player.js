// Our controls instead of the browser's, the ladder instead of the file, and a word when a video can't be played.
import { playLadder } from "./ladder.js";

export function dress(video) {
  if (customElements.get("media-controller")) video.controls = false;
  if (video.dataset.ladder) playLadder(video);
  video.addEventListener("error", () => admitDefeat(video));
  if (video.error) admitDefeat(video);
  // A browser that knows the container but not the picture's codec would play sound on black.
  const look = () => video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && video.videoWidth === 0 && admitDefeat(video);
  video.addEventListener("loadeddata", look);
  look();
}

export function toggle(video) {
  return video.paused ? video.play().catch(() => {}) : video.pause(); // what can't be played says so by itself
}

export function seek(video, seconds) {
  video.currentTime = Math.min(Math.max(seconds, 0), video.duration || seconds);
}

async function admitDefeat(video) {
  const address = video.currentSrc;
  video.closest("media-controller").inert = true;
  video.removeAttribute("src");
  video.load(); // stops what still loads or sounds
  const isThere = await fetch(address, { method: "HEAD" }).then((reply) => reply.ok, () => false);
  document.getElementById(isThere ? "unplayable" : "unreachable").hidden = false;
}
