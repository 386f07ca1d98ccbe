// Choosing a part of a video: a player, a strip of pictures, and two sliders that write the moments into the clip's fields.

const PICTURES = 9; // of the strip, of the sprite's 81
const COLUMNS = 9;
const STEP = 0.1; // seconds

const MOMENT = /^(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6}(?:[.,]\d*)?)$/;

export function secondsOf(text) {
  const [, hours, minutes, seconds] = text.trim().match(MOMENT) ?? [];
  return seconds === undefined ? undefined : (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + Number(seconds.replace(",", "."));
}

export function clock(seconds) {
  const tenths = Math.round(seconds * 10);
  const [whole, rest] = [Math.floor(tenths / 10), tenths % 10];
  const [hours, minutes, second] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(second)}${rest ? `.${rest}` : ""}`;
}

export function openTrim(details) {
  if (!details.open || details.dataset.isReady) return;
  details.dataset.isReady = "yes";
  const item = details.closest(".clip");
  const video = details.querySelector("video");
  const fields = { in: item.querySelector("[name=inPoint]"), out: item.querySelector("[name=outPoint]") };
  let length = Number(item.dataset.length) || 0;

  const sliders = { in: slider(`From, ${video.ariaLabel}`), out: slider(`To, ${video.ariaLabel}`) };
  const read = () => ({ in: secondsOf(fields.in.value) ?? 0, out: secondsOf(fields.out.value) ?? length });

  function draw() {
    const part = read();
    for (const [end, input] of Object.entries(sliders)) {
      input.max = length;
      input.value = part[end];
      input.ariaValueText = clock(part[end]);
    }
  }

  function write(end, seconds) {
    const part = read();
    const moment = end === "in" ? Math.min(seconds, part.out - STEP) : Math.max(seconds, part.in + STEP);
    const isTheEnd = end === "out" && moment > length - STEP / 2;
    fields[end].value = isTheEnd ? "" : clock(Math.max(0, moment));
    fields[end].dispatchEvent(new Event("input", { bubbles: true }));
  }

  for (const [end, input] of Object.entries(sliders)) {
    input.addEventListener("input", (event) => {
      event.stopPropagation(); // the field tells the form
      write(end, Number(input.value));
      video.currentTime = read()[end];
    });
    fields[end].addEventListener("input", draw);
  }

  const acts = {
    i: button("From here", "I", () => write("in", video.currentTime)),
    o: button("To here", "O", () => write("out", video.currentTime)),
    p: button("Play the part", "P", play),
  };
  details.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key]) return;
    event.preventDefault();
    acts[event.key].click();
  });

  function play() {
    video.currentTime = read().in;
    video.play();
    video.addEventListener("timeupdate", function stop() {
      if (video.currentTime < read().out && !video.paused) return;
      video.pause();
      video.removeEventListener("timeupdate", stop);
    });
  }

  video.addEventListener("loadedmetadata", () => {
    if (Number.isFinite(video.duration)) length = video.duration;
    draw();
  });
  video.addEventListener("error", () => {
    verbs.remove();
    video.replaceWith("This browser can’t play this video; the fields and the sliders work all the same.");
  });
  const strip = details.querySelector(".strip");
  if (strip) drawStrip(strip);
  const verbs = document.createElement("p");
  verbs.className = "trim-verbs";
  verbs.append(...Object.values(acts));
  details.append(sliders.in, sliders.out, verbs);
  draw();
  video.preload = "metadata";
  video.load();
}

function slider(label) {
  const input = document.createElement("input");
  Object.assign(input, { type: "range", min: 0, step: STEP, ariaLabel: label });
  return input;
}

function button(text, key, act) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "verb", textContent: text, title: `${text} (${key})` });
  made.addEventListener("click", act);
  return made;
}

function drawStrip(strip) {
  const tiles = COLUMNS * COLUMNS;
  for (let number = 0; number < PICTURES; number++) {
    const tile = Math.floor(((number + 0.5) * tiles) / PICTURES);
    const picture = document.createElement("span");
    const [column, row] = [tile % COLUMNS, Math.floor(tile / COLUMNS)];
    picture.style.backgroundImage = `url("${strip.dataset.sprite}")`;
    picture.style.backgroundPosition = `${(column / (COLUMNS - 1)) * 100}% ${(row / (COLUMNS - 1)) * 100}%`;
    picture.style.aspectRatio = `${strip.dataset.tileWidth} / ${strip.dataset.tileHeight}`;
    strip.append(picture);
  }
}
