// The sizes that a video can be had in, as Media Chrome's menu asks for them. It looks for them once, so this runs before it does.

class Renditions extends EventTarget {
  #selected = -1; // none: as the network allows
  length = 0;
  [Symbol.iterator] = Array.prototype.values;

  /** Offer these, of `id`, `width`, `height` and `bitrate`. */
  offer(renditions) {
    Object.assign(this, renditions);
    this.length = renditions.length;
    this.dispatchEvent(new Event(this.length ? "addrendition" : "removerendition"));
  }

  get selectedIndex() {
    return this.#selected;
  }

  set selectedIndex(index) {
    this.#selected = index;
    this.dispatchEvent(new Event("change"));
  }
}

document.querySelector("video[data-ladder]").videoRenditions = new Renditions();
