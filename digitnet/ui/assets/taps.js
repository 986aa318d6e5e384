// Plotly takes a tap for a click on what the pointer was last over, and a finger is over nothing
// before it taps. So the pointer is first moved to where the finger is.
if (!window.digitnetTaps) {
  window.digitnetTaps = true;
  document.addEventListener("touchstart", (event) => {
    const layer = event.target.closest?.(".js-plotly-plot .nsewdrag");
    const {clientX, clientY} = event.touches[0];
    layer?.dispatchEvent(new MouseEvent("mousemove", {clientX, clientY, bubbles: true}));
  }, {capture: true, passive: true});
}
