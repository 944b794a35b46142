// The colour of a name in console.css, for the charts: they are drawn on a canvas, which knows no CSS.
window.tone = (name) => getComputedStyle(document.body).getPropertyValue("--" + name).trim();
