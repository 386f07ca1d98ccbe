// The player in a frame of another site's page.
import { dress } from "./player.js";
import { takeKeys } from "./shortcuts.js";
import { countView, reportWatching } from "./watching.js";

const video = document.querySelector(".screen video");
if (video) {
  dress(video);
  takeKeys(video);
  video.addEventListener("playing", countView, { once: true }); // to stand in a page is no view
  reportWatching(video);
}
