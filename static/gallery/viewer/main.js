// The viewer's page: each module brings one part of it to life.
import { converse } from "./comments.js";
import { dress } from "./player.js";
import { react } from "./reactions.js";
import { resume } from "./resume.js";
import { share } from "./share.js";
import { takeKeys } from "./shortcuts.js";
import { drawTimeline } from "./timeline.js";
import { takeVotes } from "./vote.js";
import { reportWatching } from "./watching.js";

const video = document.querySelector(".screen video");

takeVotes();
share(video);
converse(video);
if (video) {
  dress(video);
  resume(video);
  reportWatching(video);
  const timeline = drawTimeline(video);
  takeKeys(video, timeline);
  react(video, timeline);
}
