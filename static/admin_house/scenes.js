// Choosing a scene moves the video that stands on the page there; without this its link plays the file from that second.
const video = document.querySelector(".stage video");

for (const link of video ? document.querySelectorAll("a[data-second]") : []) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    video.currentTime = Number(link.dataset.second);
    video.scrollIntoView({ block: "center" });
    video.play();
  });
}
