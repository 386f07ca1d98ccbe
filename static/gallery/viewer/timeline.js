// The line under the video: where one is, what others felt and said there, and a way to go there.
import { areas, KINDS, peaks } from "./heatmap.js";
import { ask, clock, emoji, mediaId, write } from "./page.js";
import { seek } from "./player.js";
import { showScenes } from "./scenes.js";

const STEP = 5; // seconds
const LAST = 1; // seconds that are left of a video when one goes to a peak at its end
const REACH = 8; // pixels from a dot that still mean it
const SVG = "http://www.w3.org/2000/svg";

export function drawTimeline(video) {
  const line = document.querySelector(".line");
  const played = line.querySelector(".played");
  const now = document.querySelector(".legend .now");
  const button = document.querySelector(".next-peak");
  const scenes = showScenes(video);
  const state = { scenes, reactions: null, peaks: [], remarks: [] };
  const duration = () => video.duration || Number(line.ariaValueMax) || 1;

  const follow = () => {
    const at = Math.min(video.currentTime, duration());
    played.style.scale = `${at / duration()} 1`;
    line.ariaValueMax = Math.floor(duration());
    line.ariaValueNow = Math.floor(at);
    line.ariaValueText = `${clock(at)} of ${clock(duration())}`;
    now.textContent = `${clock(at)} / ${clock(duration())}`;
    offer(button, nextPeak());
  };
  const beginning = ({ at }) => Math.min(at, duration() - LAST);
  const nextPeak = () => state.peaks.find((peak) => beginning(peak) > video.currentTime + 0.5) ?? state.peaks[0];
  const toNextPeak = () => state.peaks.length && seek(video, beginning(nextPeak()));

  for (const change of ["timeupdate", "seeking", "loadedmetadata"]) video.addEventListener(change, follow);
  button.addEventListener("click", toNextPeak);
  takeKeys(line, video, duration);
  takePointers(line, video, duration, state);
  follow();

  const showRemarks = async () => {
    state.remarks = (await ask(`/api/media/public/${mediaId}/remarks`)).remarks;
    line.querySelector(".dots").replaceChildren(...state.remarks.map(({ videoTimestamp }) => dot(videoTimestamp / duration())));
  };
  document.addEventListener("conversation", () => showRemarks().catch(() => {})); // they are below, too
  showRemarks().catch(() => {});

  const showReactions = (reactions) => {
    state.reactions = reactions;
    state.peaks = peaks(reactions);
    line.querySelector(".heat").replaceChildren(...areas(reactions, duration()).map(({ kind, path }) => area(kind, path)));
    document.getElementById("peaks").textContent = inWords(reactions, state.peaks);
    offer(button, nextPeak());
  };
  return { showReactions, toNextPeak, scenes };
}

function takeKeys(line, video, duration) {
  line.addEventListener("keydown", (event) => {
    const { currentTime } = video;
    const moments = {
      ArrowLeft: currentTime - STEP,
      ArrowDown: currentTime - STEP,
      ArrowRight: currentTime + STEP,
      ArrowUp: currentTime + STEP,
      PageDown: currentTime - duration() / 10,
      PageUp: currentTime + duration() / 10,
      Home: 0,
      End: duration(),
    };
    if (!(event.key in moments) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    seek(video, moments[event.key]);
  });
}

function takePointers(line, video, duration, state) {
  const label = line.querySelector(".pointed");
  const at = (event) => {
    const { left, width } = line.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - left) / width, 0), 1);
    const moment = share * duration();
    const near = (remark) => Math.abs(remark.videoTimestamp - moment) * (width / duration());
    const remark = state.remarks.reduce((best, other) => (near(other) < (best ? near(best) : REACH) ? other : best), null);
    return { moment: remark ? remark.videoTimestamp : moment, remark, x: share * width, width };
  };
  const point = (event) => {
    const { moment, remark, x, width } = at(event);
    const facts = [clock(moment), state.scenes.at(moment)?.text, felt(state.reactions, moment), remark && inQuotes(remark)];
    label.textContent = facts.filter(Boolean).join("  ");
    label.hidden = false;
    const half = label.offsetWidth / 2;
    label.style.left = `${Math.min(Math.max(x, half), Math.max(width - half, half))}px`;
  };

  line.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    line.setPointerCapture(event.pointerId);
    seek(video, at(event).moment);
  });
  line.addEventListener("pointermove", (event) => {
    point(event);
    if (line.hasPointerCapture(event.pointerId)) seek(video, at(event).moment);
  });
  for (const end of ["pointerleave", "pointercancel"]) line.addEventListener(end, () => (label.hidden = true));
  line.addEventListener("pointerup", (event) => event.pointerType !== "mouse" && (label.hidden = true));
}

function offer(button, peak) {
  button.hidden = !peak;
  if (peak) button.textContent = `Next peak ${clock(peak.at)}`;
}

const inQuotes = ({ excerpt, count }) => `“${excerpt}”${count > 1 ? ` and ${write(count - 1)} more` : ""}`;

/** What people felt around a moment: `❤️ 3 😂 1`. */
function felt(reactions, moment) {
  const bucket = reactions?.buckets[Math.floor(moment / reactions.bucketSeconds)];
  return bucket && KINDS.filter((kind) => bucket[kind]).map((kind) => `${emoji(kind)} ${bucket[kind]}`).join(" ");
}

function inWords({ buckets }, found) {
  const total = buckets.reduce((sum, bucket) => sum + bucket.total, 0);
  if (!total) return "No reactions yet.";
  const highest = [...found].sort((one, other) => other.level - one.level);
  const places = highest.map(({ at, kind }) => `${clock(at)}, mostly ${kind}`).join("; ");
  return `${total} reaction${total === 1 ? "" : "s"}${places ? `; most at ${places}` : ""}.`;
}

function dot(share) {
  const element = document.createElement("i");
  element.style.left = `${Math.min(share, 1) * 100}%`;
  return element;
}

function area(kind, path) {
  const element = document.createElementNS(SVG, "path");
  element.setAttribute("class", `heat-${kind}`);
  element.setAttribute("d", path);
  return element;
}
