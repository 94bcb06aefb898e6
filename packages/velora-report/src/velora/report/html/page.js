"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const data = JSON.parse(find("data").textContent);
  const bytes = Uint8Array.from(atob(data.activity), (c) => c.charCodeAt(0));
  const numbers = new DataView(bytes.buffer);
  const rows = data.names.length;
  const slider = find("step"), play = find("play"), image = find("film");
  const circles = [...document.querySelectorAll("#wiring circle")];
  const lines = [...document.querySelectorAll("#wiring .lines path")];
  const still = matchMedia("(prefers-color-scheme: dark)");
  let step = 0, timer = null;

  // The share of its neuron's largest activity, from -1 to 1.
  const share = (at, row) => numbers.getInt16(2 * (at * rows + row), true) / 32767;

  const colors = () => {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim().split(/\s+/).map(Number);
    return { still: read("--still"), above: read("--above"), below: read("--below") };
  };
  let palette = colors();
  const mixed = (value) => {
    const end = value < 0 ? palette.below : palette.above;
    const part = Math.min(1, Math.abs(value));
    return palette.still.map((from, i) => Math.round(from + part * (end[i] - from)));
  };

  const words = (number) =>
    Math.abs(number) >= 100 ? number.toFixed(0) : String(Number(number.toPrecision(3)));

  const showFilm = () => {
    if (!data.film) return;
    const picture = data.film[Math.min(Math.floor(step / data.stride), data.film.length - 1)];
    image.src = "data:image/webp;base64," + picture;
    image.hidden = false;
  };

  const light = () => {
    for (const circle of circles) {
      circle.style.fill = `rgb(${mixed(share(step, +circle.dataset.row)).join(" ")})`;
      circle.classList.remove("on");
    }
    for (const line of lines) {
      const active = Math.abs(share(step, +line.dataset.from));
      line.style.strokeOpacity = (0.06 + 0.6 * active).toFixed(3);
    }
  };

  const curve = (from, to) => {
    const [a, b] = [from, to].map((circle) => [circle.cx.baseVal.value, circle.cy.baseVal.value]);
    const bend = 0.45 * (b[0] - a[0]);
    return `M${a[0]} ${a[1]}C${a[0] + bend} ${a[1]} ${b[0] - bend} ${b[1]} ${b[0]} ${b[1]}`;
  };

  const explain = () => {
    find("said").textContent = `In step ${step + 1} it ${data.said[step]}.`;
    const why = find("why"), ways = find("ways");
    why.replaceChildren();
    ways.replaceChildren();
    if (!data.why) return;
    const byRow = new Map(circles.map((circle) => [+circle.dataset.row, circle]));
    for (const part of data.why[step]) {
      const sum = document.createElement("p"), list = document.createElement("ol");
      sum.textContent = part.sum;
      sum.className = "note";
      part.words.forEach((sentence, i) => {
        const item = document.createElement("li"), sign = document.createElement("span");
        const up = part.effects[i] > 0;
        sign.textContent = up ? "▲ " : "▼ ";
        sign.className = up ? "up" : "down";
        item.append(sign, sentence);
        list.append(item);
        const size = Math.abs(part.effects[i] / part.effects[0]);
        part.ways[i].forEach((row, k, way) => {
          byRow.get(row).classList.add("on");
          if (k === 0) return;
          const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
          path.setAttribute("d", curve(byRow.get(way[k - 1]), byRow.get(row)));
          path.setAttribute("class", up ? "excites" : "inhibits");
          path.setAttribute("stroke-width", (1.5 + 3.5 * size).toFixed(1));
          ways.append(path);
        });
      });
      why.append(list, sum);
    }
  };

  const map = find("map"), cursor = find("cursor");
  const paint = () => {
    map.width = data.steps;
    map.height = rows;
    map.style.height = `${Math.max(160, rows * Math.max(3, Math.min(14, 640 / rows)))}px`;
    const context = map.getContext("2d"), pixels = context.createImageData(data.steps, rows);
    data.order.forEach((row, y) => {
      for (let x = 0; x < data.steps; x++) {
        const [r, g, b] = mixed(share(x, row));
        pixels.data.set([r, g, b, 255], 4 * (y * data.steps + x));
      }
    });
    context.putImageData(pixels, 0, 0);
    label(parseFloat(map.style.height));
  };

  // A tick where each layer begins, and its name there or as near as there is room.
  const label = (height) => {
    const apart = 18, last = data.layers.length - 1;
    const starts = data.layers.map((layer) => (layer.first / rows) * height), tops = [...starts];
    for (let i = 1; i <= last; i++) tops[i] = Math.max(tops[i], tops[i - 1] + apart);
    for (let i = last; i >= 0; i--) tops[i] = Math.min(tops[i], height - apart * (last - i + 1));
    const at = (kind, top) => {
      const made = document.createElement(kind);
      made.style.top = `${top}px`;
      return made;
    };
    const ticks = starts.map((top) => at("i", top)), names = tops.map((top) => at("span", top));
    names.forEach((name, i) => (name.textContent = data.layers[i].name));
    find("labels").replaceChildren(...ticks, ...names);
  };

  const place = (event) => {
    const box = map.getBoundingClientRect();
    const within = (value, end) => Math.max(0, Math.min(end - 1, Math.floor(value * end)));
    return [
      within((event.clientX - box.left) / box.width, data.steps),
      within((event.clientY - box.top) / box.height, rows),
    ];
  };
  map.addEventListener("pointermove", (event) => {
    const [at, y] = place(event), row = data.order[y];
    const value = words(share(at, row) * data.largest[row]);
    find("reading").textContent = `${data.names[row]} in step ${at + 1}: ${value}`;
  });
  map.addEventListener("click", (event) => go(place(event)[0]));

  const go = (to) => {
    step = Math.max(0, Math.min(data.steps - 1, to));
    slider.value = step;
    slider.setAttribute("aria-valuetext", `step ${step + 1} of ${data.steps}`);
    find("at").textContent = `step ${step + 1} of ${data.steps}`;
    cursor.style.left = `${(100 * (step + 0.5)) / data.steps}%`;
    showFilm();
    light();
    explain();
  };

  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
    find("said").setAttribute("aria-live", "polite");
  };
  const toggle = () => {
    if (timer !== null) return stop();
    if (step === data.steps - 1) go(0);
    find("said").setAttribute("aria-live", "off");
    play.textContent = "Pause";
    play.setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      go(step + 1);
      if (step === data.steps - 1) stop();
    }, 1000 / Math.max(1, Math.min(60, data.fps)));
  };

  slider.max = data.steps - 1;
  slider.addEventListener("input", () => go(+slider.value));
  play.addEventListener("click", toggle);
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const far = event.shiftKey ? 10 : 1;
    const onControl = ["BUTTON", "SUMMARY"].includes(document.activeElement.tagName);
    if (event.key === "ArrowLeft") go(step - far);
    else if (event.key === "ArrowRight") go(step + far);
    else if (event.key === " " && !onControl) toggle();
    else return;
    event.preventDefault();
  });
  still.addEventListener("change", () => {
    palette = colors();
    paint();
    light();
    explain();
  });
  paint();
  go(0);
})();
