// The colour of a name in console.css, for the charts: they are drawn on a canvas, which knows no CSS.
window.tone = (name) => getComputedStyle(document.body).getPropertyValue("--" + name).trim();

// <local-time datetime="…">: a moment on the clock of who reads it, as on the charts' axes.
customElements.define("local-time", class extends HTMLElement {
  static observedAttributes = ["datetime"];

  attributeChangedCallback(name, before, now) {
    const at = new Date(now);
    this.textContent = at.toLocaleTimeString("en-GB");
    this.title = at.toLocaleString();
  }
});
