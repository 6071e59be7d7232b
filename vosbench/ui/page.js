// The keyboard and the Play button. Everything else is done by the server.
(() => {
  const button = (id) => document.getElementById(id);
  const press = (id) => button(id)?.click();
  let playing = null;

  const stop = () => {
    clearInterval(playing);
    playing = null;
    if (button("play")) button("play").textContent = "Play";
  };

  // Step on as soon as the frame before has arrived, and stop at the last one.
  const play = () => {
    if (playing) return stop();
    button("play").textContent = "Stop";
    let before = null;
    playing = setInterval(() => {
      const range = document.querySelector("#slider input[type=range]");
      const shown = document.querySelector("#picture img")?.src;
      if (!range || Number(range.value) >= Number(range.max)) return stop();
      if (shown !== before) {
        before = shown;
        press("next");
      }
    }, 60);
  };

  const choose = (index) => document.querySelectorAll("#tool input")[index]?.click();

  const keys = {
    " ": play,
    p: () => choose(0),
    n: () => choose(1),
    b: () => choose(2),
    z: () => press("undo"),
  };

  document.addEventListener("keydown", (event) => {
    const at = event.target;
    const types = at.matches?.("textarea, [contenteditable=true], input:not([type=radio]):not([type=checkbox]):not([type=range])");
    if (types || event.altKey || event.metaKey) return;
    if (!button("picture")?.offsetParent) return; // another panel is shown
    if (event.ctrlKey && event.key.toLowerCase() !== "z") return;
    const arrow = { ArrowLeft: ["previous", "back"], ArrowRight: ["next", "ahead"] }[event.key];
    const act = arrow ? () => press(arrow[event.shiftKey ? 1 : 0]) : keys[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }, true);

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#play")) play();
  });

  // Gradio loses a click into a picture that is loading or being replaced: repeat it when the picture has come.
  const isLoaded = (image) => image?.complete && image.naturalWidth > 0;
  document.addEventListener("click", (event) => {
    const frame = event.target.closest?.(".clickable");
    const picture = () => frame.querySelector("img");
    if (!event.isTrusted || !frame || !picture()) return;
    if (event.target === picture() && isLoaded(picture())) return;
    event.stopPropagation();
    const place = { bubbles: true, clientX: event.clientX, clientY: event.clientY };
    let tries = 0;
    const waiting = setInterval(() => {
      if (!isLoaded(picture()) && ++tries < 500) return;
      clearInterval(waiting);
      picture()?.dispatchEvent(new MouseEvent("click", place));
    }, 20);
  }, true);
})();
