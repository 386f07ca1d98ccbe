// Tells the server how much was watched, up to where, and that the end was seen.
import { keep, mediaId, recall, send } from "./page.js";

const EVERY = 15; // seconds
const now = () => performance.now() / 1000;

export function reportWatching(video) {
  let watched = 0; // seconds that nobody was told of
  let since = null; // when the video began to run, if it does
  let position = 0;

  const settle = (isRunning) => {
    if (since !== null) watched += now() - since;
    since = isRunning ? now() : null;
  };
  const report = () => {
    const seconds = Math.round(watched);
    if (seconds < 1) return;
    watched -= seconds;
    tell("watch-time", { seconds, position: Math.floor(position) });
  };
  const stop = () => {
    settle(false);
    report();
  };

  video.addEventListener("playing", () => settle(true));
  video.addEventListener("seeked", () => settle(!video.paused));
  video.addEventListener("waiting", () => settle(false));
  video.addEventListener("timeupdate", () => {
    if (video.seeking) return;
    position = video.currentTime;
    if (since !== null) settle(true);
    if (watched >= EVERY) report();
  });
  for (const end of ["pause", "seeking", "ended"]) video.addEventListener(end, stop);
  video.addEventListener("ended", () => tell("finish", {}), { once: true });
  const leave = () => {
    settle(!video.paused && since !== null);
    report();
  };
  document.addEventListener("visibilitychange", () => document.hidden && leave());
  addEventListener("pagehide", leave);
}

export function countView() {
  fetch(`/api/media/public/${mediaId}?sessionId=${session()}`).catch(() => {});
}

/** Outlives the page, and nobody is bothered when it fails. */
function tell(what, facts) {
  send(`/api/media/public/${mediaId}/${what}`, { sessionId: session(), ...facts }, { keepalive: true }).catch(() => {});
}

let ours;

/** What tells this browser from others, and nothing more. */
function session() {
  ours ??= recall("session") ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  keep("session", ours);
  return ours;
}
