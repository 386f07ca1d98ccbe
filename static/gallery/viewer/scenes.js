// The scenes of a video: marks on the line, stills to choose from, and the way from one to the next.
import { clock } from "./page.js";
import { seek } from "./player.js";

const APART = 6; // pixels between two marks, at least
const MOST_STILLS = 60;
const HERE = 0.05; // seconds after a moment that still are that moment
const AGAIN = 1; // seconds into a scene after which going back leads to its own start

export function showScenes(video) {
  const track = video.querySelector("track[kind=chapters]");
  let scenes = []; // cues: `startTime`, `endTime`, `text`
  const show = () => {
    scenes = [...track.track.cues];
    markThem(scenes);
    offerStills(scenes, video);
  };
  if (track) {
    track.addEventListener("load", show, { once: true });
    track.track.mode = "hidden"; // has it loaded
    if (track.readyState === HTMLTrackElement.LOADED) show();
  }
  const go = (scene) => scene && seek(video, scene.startTime);
  return {
    at: (moment) => sceneAt(scenes, moment),
    toNext: () => go(scenes.find(({ startTime }) => startTime > video.currentTime + HERE)),
    toPrevious: () => go(scenes.findLast(({ startTime }) => startTime < video.currentTime - AGAIN) ?? scenes[0]),
  };
}

const sceneAt = (scenes, moment) => scenes.findLast(({ startTime }) => startTime <= moment);

/** Those that begin at least so many seconds after the one before. */
function spread(scenes, seconds) {
  let last = -Infinity;
  return scenes.filter(({ startTime }) => startTime - last >= seconds && ((last = startTime), true));
}

function markThem(scenes) {
  const line = document.querySelector(".marks");
  const duration = scenes.at(-1).endTime;
  const [, ...starts] = spread(scenes, (duration * APART) / line.clientWidth);
  const marks = starts.map(({ startTime }) => {
    const mark = document.createElement("i");
    mark.style.left = `${(startTime / duration) * 100}%`;
    return mark;
  });
  line.replaceChildren(...marks);
}

function offerStills(scenes, video) {
  const place = document.querySelector(".scenes");
  place.querySelector(".count").textContent = scenes.length;
  place.addEventListener("toggle", () => fill(place.querySelector("ol"), spread(scenes, scenes.at(-1).endTime / MOST_STILLS), video), { once: true });
}

function fill(list, scenes, video) {
  const links = scenes.map((scene) => linkTo(scene, video));
  list.replaceChildren(
    ...links.map((link) => {
      const item = document.createElement("li");
      item.append(link);
      return item;
    }),
  );
  const follow = () => {
    const now = scenes.indexOf(sceneAt(scenes, video.currentTime));
    links.forEach((link, number) => (link.ariaCurrent = number === now ? "true" : null));
  };
  for (const change of ["timeupdate", "seeked"]) video.addEventListener(change, follow);
  follow();
}

function linkTo({ startTime, text }, video) {
  const link = document.createElement("a");
  link.className = "moment";
  link.href = `?t=${Math.ceil(startTime)}`; // a whole second that is in the scene already
  link.title = text;
  link.append(...stillAt(startTime, video), clock(startTime));
  return link;
}

/** The picture along the player's bar that shows the moment, where there are such pictures. */
function stillAt(moment, video) {
  const pictures = video.querySelector("track[kind=metadata]");
  const cue = sceneAt([...(pictures?.track.cues ?? [])], moment);
  if (!cue) return [];
  const [address, place] = cue.text.split("#xywh=");
  const [x, y, width, height] = place.split(",");
  const still = document.createElement("span");
  Object.assign(still.style, {
    width: `${width}px`,
    height: `${height}px`,
    backgroundImage: `url("${new URL(address, pictures.src)}")`,
    backgroundPosition: `-${x}px -${y}px`,
  });
  return [still];
}
