// A poster whose file is missing gives way to the calm ground below it.
const POSTER = ".poster img";

document.addEventListener("error", ({ target }) => target.matches?.(POSTER) && giveWay(target), true);
for (const image of document.querySelectorAll(POSTER)) {
  if (image.complete && !image.naturalWidth) giveWay(image); // it failed before this was there to hear of it
}

function giveWay(image) {
  image.hidden = true;
}
