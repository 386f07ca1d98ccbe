// Reactions to the moment: one tap gives one, and those of others rise as their moments pass.
import { totals } from "./heatmap.js";
import { ask, emoji, excuse, mediaId, say, send, write } from "./page.js";

const MOST_AT_ONCE = 12; // that rise
const MOST_OF_A_KIND = 3; // that rise of one bucket
const still = matchMedia("(prefers-reduced-motion: reduce)");

export async function react(video, timeline) {
  const buttons = document.querySelectorAll(".emoji");
  const given = new Set();
  for (const button of buttons) {
    if (button.matches("a")) button.addEventListener("click", () => (button.href = comeBackTo(button, video)));
    else button.addEventListener("click", () => give(button.dataset.kind));
  }
  let reactions;
  try {
    reactions = await ask(`/api/reactions/timeline?mediaId=${mediaId}`);
  } catch {
    return; // the page does without
  }
  show();
  letOthersRise(video, reactions);

  function show() {
    timeline.showReactions(reactions);
    const counts = totals(reactions);
    for (const button of buttons) button.querySelector(".count").textContent = counts[button.dataset.kind] ? write(counts[button.dataset.kind]) : "";
  }

  async function give(kind) {
    const second = Math.floor(video.currentTime);
    const change = given.has(`${kind} ${second}`) ? 0 : 1; // the same again is the same reaction
    given.add(`${kind} ${second}`);
    add(kind, second, change);
    rise(kind);
    try {
      await send("/api/reactions", { mediaId, reactionType: kind, videoTimestamp: second });
    } catch (error) {
      given.delete(`${kind} ${second}`);
      add(kind, second, -change);
      say(excuse(error));
    }
  }

  function add(kind, second, change) {
    if (!reactions) return;
    const { buckets, bucketSeconds } = reactions;
    const bucket = buckets[Math.min(Math.floor(second / bucketSeconds), buckets.length - 1)];
    bucket[kind] += change;
    bucket.total += change;
    show();
  }
}

/** The way to sign in, and from there back to this moment. */
function comeBackTo(link, video) {
  const way = new URL(link.href);
  way.searchParams.set("next", `${location.pathname}?t=${Math.floor(video.currentTime)}`);
  return way.href;
}

function letOthersRise(video, { buckets, bucketSeconds }) {
  let last = -1;
  video.addEventListener("timeupdate", () => {
    const number = Math.min(Math.floor(video.currentTime / bucketSeconds), buckets.length - 1);
    if (video.paused || number === last) return;
    last = number;
    for (const [kind, count] of Object.entries(buckets[number])) {
      if (kind === "start" || kind === "total") continue;
      for (let each = 0; each < Math.min(count, MOST_OF_A_KIND); each++) {
        setTimeout(() => !video.paused && rise(kind), (Math.random() * Math.min(bucketSeconds, 3) * 1000) / video.playbackRate);
      }
    }
  });
}

function rise(kind) {
  const floats = document.querySelector(".floats");
  if (still.matches || floats.childElementCount >= MOST_AT_ONCE) return;
  const float = document.createElement("span");
  float.textContent = emoji(kind);
  float.style.left = `${8 + Math.random() * 30}%`;
  float.addEventListener("animationend", () => float.remove());
  floats.append(float);
}
