// The player in a frame of another site's page.
import { dress } from "./player.js";
import { takeKeys } from "./shortcuts.js";
import { reportWatching } from "./watching.js";

const video = document.querySelector(".screen video");
if (video) {
  dress(video);
  takeKeys(video);
  reportWatching(video);
}
