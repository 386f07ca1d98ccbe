// A card plays some seconds of its video while one points at it, holds it, or has it in focus.
// Not for those who want less motion or fewer bytes.

const POINTING = 250; // milliseconds until it is meant
const HOLDING = 450;

if (!matchMedia("(prefers-reduced-motion: reduce)").matches && !navigator.connection?.saveData) {
  let waiting, playing;

  const posterOf = (target) => target.closest?.(".card")?.querySelector(".poster[data-preview]");

  const stop = () => {
    clearTimeout(waiting);
    playing?.remove();
    playing = null;
  };

  const play = (poster) => {
    stop();
    playing = document.createElement("video");
    Object.assign(playing, { src: poster.dataset.preview, muted: true, loop: true, playsInline: true, autoplay: true, ariaHidden: "true" });
    playing.addEventListener("playing", (event) => event.target.classList.add("is-playing"), { once: true });
    poster.append(playing);
  };

  const playAfter = (delay, poster) => {
    stop();
    if (poster) waiting = setTimeout(play, delay, poster);
  };

  document.addEventListener("pointerover", (event) => {
    const poster = posterOf(event.target);
    if (event.pointerType === "mouse" && !(poster && poster.contains(playing))) playAfter(POINTING, poster);
  });
  document.addEventListener("pointerdown", (event) => event.pointerType === "touch" && playAfter(HOLDING, posterOf(event.target)));
  for (const end of ["pointerup", "pointercancel", "focusout"]) document.addEventListener(end, stop);
  document.addEventListener("contextmenu", (event) => playing && posterOf(event.target) && event.preventDefault()); // a held link's menu
  document.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && playAfter(POINTING, posterOf(event.target)));
}
