// The viewer: our controls instead of the browser's, shortcuts anywhere on the page, and a word when a format can't be played.
(() => {
  const video = document.querySelector(".screen video");
  const controller = document.querySelector("media-controller");
  if (!video) return;

  if (customElements.get("media-controller")) video.controls = false;

  const admitDefeat = async () => {
    const address = video.currentSrc;
    controller.inert = true;
    video.removeAttribute("src");
    video.load(); // stops what still loads or sounds
    const isThere = await fetch(address, { method: "HEAD" }).then((reply) => reply.ok, () => false);
    document.getElementById(isThere ? "unplayable" : "unreachable").hidden = false;
  };
  video.addEventListener("error", admitDefeat);
  if (video.error) admitDefeat();
  // A browser that knows the container but not the picture's codec would play sound on black.
  video.addEventListener("loadeddata", () => video.videoWidth === 0 && admitDefeat());

  const seekBy = (seconds) => {
    video.currentTime = Math.min(Math.max(video.currentTime + seconds, 0), video.duration || 0);
  };
  const shortcuts = {
    " ": () => (video.paused ? video.play() : video.pause()),
    k: () => (video.paused ? video.play() : video.pause()),
    ArrowLeft: () => seekBy(-5),
    ArrowRight: () => seekBy(5),
    m: () => (video.muted = !video.muted),
    f: () => controller.querySelector("media-fullscreen-button").click(),
  };
  // A moment in a comment: the video goes there instead of the page being loaded again.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.moment");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    video.currentTime = Number(new URL(link.href).searchParams.get("t"));
    video.scrollIntoView({ block: "nearest" });
  });
  document.addEventListener("keydown", (event) => {
    const isOurs = event.target === document.body || event.target.id === "main";
    const shortcut = shortcuts[event.key];
    if (!isOurs || !shortcut || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    shortcut();
  });
})();
