/** Lets an agent balance the pole, and draws it. */
import { Agent } from "./agent.js";
import { EDGE, hasFallen, start, step, STEP } from "./cartpole.js";

const AGENTS = {
  "policy.onnx": { sees: (state) => state, says: "It decides by what it sees now." },
  "memory.onnx": { sees: ([x, , angle]) => [x, angle], says: "What it remembers:" },
};
const PUSH = 0.8; // rad/s
const PAUSE = 40; // steps, after the pole has fallen

const find = (id) => document.getElementById(id);
const scene = find("scene");
const buttons = [...document.querySelectorAll("button")];
let wanted = "policy.onnx";
let now; // the agent that acts
let state;
let steps;
let pushed = 0;
let pause = 0;
let most = 0;
let pace; // mean milliseconds of an action

function begin() {
  if (now !== AGENTS[wanted]) most = 0;
  now = AGENTS[wanted];
  now.agent.reset();
  [state, steps, pushed, pause, pace] = [start(), 0, 0, 0, undefined];
  find("said").textContent = now.says;
  for (const button of buttons) button.ariaPressed = String(button.value === wanted);
}

async function live() {
  if (now !== AGENTS[wanted] || pause === 1) begin();
  if (pause > 0) return void pause--;
  const from = performance.now();
  const action = await now.agent.act(now.sees(state));
  const took = performance.now() - from;
  pace = pace === undefined ? took : pace + 0.02 * (took - pace);
  state = step(state, action);
  state[3] += pushed;
  pushed = 0;
  most = Math.max(most, ++steps);
  if (hasFallen(state)) pause = PAUSE;
}

function draw() {
  const css = getComputedStyle(document.documentElement);
  const color = (name) => css.getPropertyValue(`--${name}`);
  const pen = scene.getContext("2d");
  [scene.width, scene.height] = [scene.clientWidth, scene.clientHeight].map((n) => n * devicePixelRatio);
  const metre = scene.width / (2 * EDGE + 1);
  pen.translate(scene.width / 2, 0.78 * scene.height);
  pen.scale(metre, metre);
  pen.lineCap = "round";
  const line = (name, width, ...points) => {
    [pen.strokeStyle, pen.lineWidth] = [color(name), width];
    pen.beginPath();
    for (const point of points) pen.lineTo(...point);
    pen.stroke();
  };
  const [x, , angle] = state;
  line("line", 0.03, [-EDGE, 0], [EDGE, 0]);
  for (const edge of [-EDGE, EDGE]) line("line", 0.03, [edge, -0.12], [edge, 0.12]);
  pen.fillStyle = color("ink");
  pen.beginPath();
  pen.roundRect(x - 0.25, -0.14, 0.5, 0.28, 0.06);
  pen.fill();
  const top = [x + Math.sin(angle), -Math.cos(angle)];
  line(pause ? "pale" : "below", 0.09, [x, 0], top);
  pen.fillStyle = color("above");
  pen.beginPath();
  pen.arc(x, 0, 0.06, 0, 7);
  pen.fill();
}

function write() {
  find("steps").textContent = steps;
  find("most").textContent = most;
  if (pace !== undefined) find("pace").textContent = `${pace.toFixed(2)} ms`;
  const values = [...(now.agent.state.state?.data ?? [])];
  const cells = find("memory");
  while (cells.children.length > values.length) cells.lastChild.remove();
  while (cells.children.length < values.length) cells.append(document.createElement("i"));
  values.forEach((value, i) => {
    const share = Math.min(100, 100 * Math.abs(value));
    cells.children[i].style.background =
      `color-mix(in srgb, var(--${value < 0 ? "below" : "above"}) ${share}%, var(--paper))`;
  });
}

for (const button of buttons) button.onclick = () => (wanted = button.value);
onkeydown = ({ key }) => (pushed = { ArrowLeft: -PUSH, ArrowRight: PUSH }[key] ?? pushed);
scene.onpointerdown = ({ offsetX }) => {
  const cart = 0.5 + state[0] / (2 * EDGE + 1); // of the width
  pushed = offsetX / scene.clientWidth < cart ? PUSH : -PUSH;
};

try {
  for (const name in AGENTS) AGENTS[name].agent = await Agent.load(name);
} catch (error) {
  find("said").textContent = "An agent is missing: python train.py makes both.";
  throw error;
}
begin();
let due = performance.now();
for (;;) {
  const frame = await new Promise(requestAnimationFrame);
  due = Math.max(due, frame - 100); // after a pause, no hurry
  for (; due <= frame; due += 1000 * STEP) await live();
  draw();
  write();
}
