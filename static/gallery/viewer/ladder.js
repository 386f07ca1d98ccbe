// Plays a ladder of HLS, at the size that the network allows or the visitor has chosen; where that fails, the file.
import { keep, recall } from "./page.js";

const HLS = "application/vnd.apple.mpegurl";
const AHEAD = 30; // seconds that are loaded while the video plays
const AT_FIRST = 1; // before that: the first segment
const BEHIND = 60;

export async function playLadder(video) {
  const { src: file, videoRenditions: renditions } = video;
  let hls;
  const playFile = () => {
    const at = video.currentTime || momentOf(file);
    const isPlaying = !video.paused;
    video.removeEventListener("error", onError);
    hls?.destroy();
    renditions.offer([]);
    video.preload = "metadata";
    start(video, file, at, isPlaying);
  };
  const onError = (event) => {
    event.stopImmediatePropagation(); // only when the file fails, too, can the video not be played
    playFile();
  };
  video.addEventListener("error", onError);

  if (!(window.ManagedMediaSource ?? window.MediaSource)) {
    if (video.canPlayType(HLS)) start(video, video.dataset.ladder, momentOf(file), !video.paused);
    else playFile();
    return;
  }
  try {
    const { default: Hls } = await import("../vendor/hls.js-1.7.4/hls.js");
    hls = new Hls({
      enableWorker: false, // our policy allows none
      startPosition: video.currentTime || momentOf(file),
      capLevelToPlayerSize: true,
      maxMaxBufferLength: AT_FIRST,
      backBufferLength: BEHIND,
    });
    hls.on(Hls.Events.ERROR, (_, { fatal }) => fatal && playFile());
    hls.on(Hls.Events.MANIFEST_PARSED, (_, { levels }) => offer(levels, renditions, hls));
    climb(video, hls);
  } catch {
    playFile();
  }
}

function climb(video, hls) {
  const isPlaying = !video.paused;
  video.addEventListener("play", () => (hls.config.maxMaxBufferLength = AHEAD), { once: true });
  hls.loadSource(video.dataset.ladder);
  hls.attachMedia(video);
  video.preload = "auto"; // only now, or the file would be loaded
  if (isPlaying) video.play().catch(() => {});
}

/** Let the visitor choose, and begin with what was chosen the last time. */
function offer(levels, renditions, hls) {
  renditions.offer(levels.map(({ width, height, bitrate }, number) => ({ id: String(number), width, height, bitrate })));
  const wanted = recall("quality");
  const choose = () => (hls.nextLevel = renditions.selectedIndex);
  if (wanted) {
    renditions.selectedIndex = Math.max(levels.findLastIndex((level) => linesOf(level) <= wanted), 0);
    choose();
  }
  renditions.addEventListener("change", () => {
    choose();
    keep("quality", levels[renditions.selectedIndex] ? linesOf(levels[renditions.selectedIndex]) : null);
  });
}

const linesOf = ({ width, height }) => Math.min(width, height);

/** The moment that an address asks for, `#t=85`, in seconds. */
const momentOf = (address) => Number(new URL(address).hash.slice("#t=".length));

function start(video, address, at, isPlaying) {
  video.src = address;
  if (at) video.currentTime = at;
  if (isPlaying) video.play().catch(() => {});
}
