// The wall of posters by keyboard: arrows move from video to video, and single keys act on the one in focus. "?" tells which.
"use strict";

(() => {
  const list = document.getElementById("result_list");
  if (!list) return;

  const videos = [...list.querySelectorAll("tbody tr")];
  const link = (video) => video.querySelector("th a");
  const box = (video) => video.querySelector(".action-select");
  const current = () => document.activeElement.closest?.("#result_list tbody tr");

  const KEYS = [
    ["← → ↑ ↓", "to the next video"],
    ["P", "preview"],
    ["E", "edit, or look closer"],
    ["L", "lock, or unlock"],
    ["X", "select"],
    ["?", "these keys"],
  ];

  // --- Moving

  function neighbour(video, key) {
    const index = videos.indexOf(video);
    if (key === "ArrowLeft") return videos[index - 1];
    if (key === "ArrowRight") return videos[index + 1];
    return inNextRow(video, key === "ArrowDown" ? 1 : -1);
  }

  function inNextRow(video, direction) {
    const { top, left } = video.getBoundingClientRect();
    const beyond = videos.map((other) => ({ other, place: other.getBoundingClientRect() })).filter(({ place }) => (place.top - top) * direction > 1);
    if (!beyond.length) return undefined;
    const row = beyond.reduce((near, { place }) => (Math.abs(place.top - top) < Math.abs(near - top) ? place.top : near), beyond[0].place.top);
    const inRow = beyond.filter(({ place }) => Math.abs(place.top - row) <= 1);
    return inRow.reduce((near, one) => (Math.abs(one.place.left - left) < Math.abs(near.place.left - left) ? one : near)).other;
  }

  // --- Acting

  function act(name, video) {
    const form = document.getElementById("changelist-form");
    const choice = form.querySelector(`select[name=action] option[value="${name}"]`);
    if (!choice) return;
    for (const other of videos) box(other).checked = other === video;
    choice.parentElement.value = name;
    form.requestSubmit(form.querySelector("button[name=index]"));
  }

  function preview(video) {
    const player = document.createElement("video");
    Object.assign(player, { src: `/api/videos/${box(video).value}/stream`, controls: true, autoplay: true, loop: true, muted: true });
    const dialog = open(link(video).textContent.trim(), player);
    dialog.addEventListener("close", () => player.removeAttribute("src"));
    player.addEventListener("error", () => {
      const message = document.createElement("p");
      message.role = "alert";
      message.textContent = "This browser can’t play this video.";
      player.replaceWith(message);
      dialog.querySelector("button").focus();
    });
  }

  function help() {
    const keys = document.createElement("dl");
    for (const [key, meaning] of KEYS) {
      const [term, description] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = key;
      description.textContent = meaning;
      keys.append(term, description);
    }
    open("Keys", keys);
  }

  function open(title, content) {
    const dialog = document.createElement("dialog");
    const heading = document.createElement("h2");
    const close = document.createElement("button");
    heading.textContent = title;
    close.textContent = "Close";
    close.addEventListener("click", () => dialog.close());
    dialog.className = "glance";
    dialog.ariaLabel = title;
    dialog.append(heading, content, close);
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() === "p") dialog.close();
      event.stopPropagation();
    });
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  }

  // --- Keys

  const ACTIONS = {
    p: preview,
    e: (video) => link(video).click(),
    l: (video) => act(video.querySelector(".badge-locked") ? "unlock" : "lock", video),
    x: (video) => box(video).click(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
    if (document.querySelector("dialog[open]")) return;
    const video = current();
    if (event.key.startsWith("Arrow") && (video || (event.target === document.body && event.key === "ArrowRight"))) {
      const next = video ? neighbour(video, event.key) : videos[0];
      if (!next) return;
      link(next).focus();
      next.scrollIntoView({ block: "nearest" });
    } else if (event.key === "?") help();
    else if (video && ACTIONS[event.key.toLowerCase()]) ACTIONS[event.key.toLowerCase()](video);
    else return;
    event.preventDefault();
  });

  const hint = document.createElement("button");
  hint.type = "button";
  hint.className = "keys-hint";
  hint.textContent = "Keys";
  hint.addEventListener("click", help);
  document.querySelector(".layouts")?.append(hint);
})();
