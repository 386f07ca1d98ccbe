// Keys that work anywhere on the page, unless somebody types, or has switched them off.
import { seek, toggle } from "./player.js";
import { keep, recall } from "./page.js";

const RATES = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2];
const STEP = 5; // seconds

export function takeKeys(video, timeline) {
  const controller = video.closest("media-controller");
  const press = (button) => controller.querySelector(button)?.click();
  const shift = (steps) => {
    const next = RATES.findIndex((rate) => rate >= video.playbackRate) + steps;
    video.playbackRate = RATES[Math.min(Math.max(next, 0), RATES.length - 1)];
  };
  const actions = {
    " ": () => toggle(video),
    k: () => toggle(video),
    arrowleft: () => seek(video, video.currentTime - STEP),
    arrowright: () => seek(video, video.currentTime + STEP),
    m: () => (video.muted = !video.muted),
    f: () => press("media-fullscreen-button"),
    p: () => press("media-pip-button"),
    n: () => timeline?.toNextPeak(),
    ",": () => timeline?.scenes.toPrevious(),
    ".": () => timeline?.scenes.toNext(),
    "<": () => shift(-1),
    ">": () => shift(1),
    "?": () => document.getElementById("shortcuts")?.togglePopover(),
  };
  for (let digit = 0; digit <= 9; digit++) actions[digit] = () => seek(video, (video.duration * digit) / 10);

  const isOn = mayBeSwitchedOff();
  document.addEventListener("keydown", (event) => {
    const action = actions[event.key.toLowerCase()];
    if (!action || !isOn() || isTaken(event) || controller.inert) return;
    event.preventDefault();
    action();
  });
}

/** Whether the key means something else where it was pressed. */
function isTaken(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return true;
  const { target, key } = event;
  if (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox])")) return true;
  if (target.keysUsed?.some((used) => used === key || (used === "Space" && key === " "))) return true; // a control of the player
  return key === " " && target.matches("a, button, summary, input");
}

/** Speech input types letters by mistake, so who wants to can do without (WCAG 2.1.4). */
function mayBeSwitchedOff() {
  const choice = document.querySelector(".keys-on");
  if (!choice) return () => true;
  choice.checked = recall("keys") !== false;
  choice.addEventListener("change", () => keep("keys", choice.checked));
  return () => choice.checked;
}
