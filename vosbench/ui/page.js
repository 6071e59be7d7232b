// The keyboard, the Play button, and when to ask for what a panel shows. Everything else is done by the server.
(() => {
  const button = (id) => document.getElementById(id);
  const press = (id) => button(id)?.click();
  let playing = null;
  const isLoaded = (image) => image?.complete && image.naturalWidth > 0;
  let dragged = null; // the slider that the user drags

  // What the user holds, whose values no answer changes: the slider that is dragged, the field that is typed into.
  const held = () => [dragged, document.activeElement?.closest?.("#name")?.id].filter(Boolean);

  // A panel asks for what it shows by one button, never again before the answer, and once more if anything happened
  // meanwhile: Gradio keeps no order among several answers. Gradio calls ask() as it sends, and shown() afterwards.
  class Panel {
    constructor(name, place) {
      Object.assign(this, { button: `show-${name}`, place, moves: [], begun: 0, wanted: false, asking: false, anew: true });
    }

    get latest() {
      return document.querySelector(`${this.place} [data-turn]`)?.dataset ?? {};
    }

    show(anew = false) {
      this.anew ||= anew;
      this.wanted = true;
      clearTimeout(this.timer);
      if (this.asking || !button(this.button)) return;
      this.asking = true;
      press(this.button);
    }

    move(step) {
      this.moves.push(step);
      this.show();
    }

    ask() {
      const turn = this.anew ? null : Number(this.latest.turn);
      const note = { moves: this.moves, turn, held: held().map((id) => id.replaceAll("-", "_")) };
      this.moves = [];
      this.wanted = false;
      this.anew = note.held.length > 0;
      return JSON.stringify(note);
    }

    shown() {
      this.asking = false;
      if (this.wanted) this.show();
      else this.look();
    }

    // An action of the server begins and ends; look at it meanwhile. What begins is told which frame is shown.
    begin() {
      this.begun += 1;
      this.look();
      return this.latest.frame ?? "0";
    }

    end() {
      this.begun -= 1;
      this.show();
    }

    look() {
      clearTimeout(this.timer);
      if (this.begun > 0) this.timer = setTimeout(() => this.show(), 200);
    }
  }

  const track = new Panel("track", "#status");
  const pair = new Panel("pair", "#pair-result");
  window.vosbench = { track, pair };

  const stop = () => {
    clearInterval(playing);
    playing = null;
    if (button("play")) button("play").textContent = "Play";
  };

  // Step on as soon as the frame before has arrived, and stop at the last one.
  const play = () => {
    if (playing) return stop();
    button("play").textContent = "Stop";
    playing = setInterval(() => {
      const range = document.querySelector("#slider input[type=range]");
      if (!range || Number(range.value) >= Number(range.max)) return stop();
      const picture = document.querySelector("#picture img"); // none of a damaged frame
      if (!track.asking && (picture?.complete ?? true)) track.move({ by: 1 });
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
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const act = way ? () => track.move({ by: way * (event.shiftKey ? 10 : 1) }) : keys[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }, true);

  const buttons = {
    play,
    previous: () => track.move({ by: -1 }),
    next: () => track.move({ by: 1 }),
  };

  document.addEventListener("click", (event) => buttons[event.target.closest?.("button")?.id]?.());

  // A slider sends many "input" while it is dragged, and then a "change".
  const drag = (event) => {
    if (!event.target.matches?.("input[type=range]")) return;
    const slider = event.target.closest("[id$=slider]").id;
    dragged = event.type === "input" ? slider : null;
    if (slider === "slider") track.move({ to: Number(event.target.value) });
    else if (!dragged) pair.show();
  };
  document.addEventListener("input", drag);
  document.addEventListener("change", drag);

  // Gradio loses a click into a picture that is loading or being replaced: repeat it when the picture has come.
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
