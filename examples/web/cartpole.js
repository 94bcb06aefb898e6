/**
 * CartPole-v1 of gymnasium without its limit of 500 steps, by the equations of Barto, Sutton
 * and Anderson, "Neuronlike adaptive elements that can solve difficult learning control
 * problems" (1983), without friction. A state is [position (m), velocity (m/s), angle from
 * upright (rad), angular velocity (rad/s)], and what is right is positive.
 */
const GRAVITY = 9.8; // m/s²
const CART = 1.0; // kg
const POLE = 0.1; // kg
const HALF = 0.5; // m, from the joint to the middle of the pole
const FORCE = 10; // N
export const STEP = 0.02; // s
export const EDGE = 2.4; // m
const FALLEN = (12 * Math.PI) / 180; // rad

/** A state near upright, at random. */
export const start = () => Array.from({ length: 4 }, () => 0.1 * (Math.random() - 0.5));

/** The state one step later, where the cart was pushed left (0) or right (1): Euler's method. */
export function step([x, velocity, angle, turning], action) {
  const mass = CART + POLE;
  const sin = Math.sin(angle);
  const cos = Math.cos(angle);
  const push = ((action === 1 ? FORCE : -FORCE) + POLE * HALF * turning ** 2 * sin) / mass;
  const turn = (GRAVITY * sin - cos * push) / (HALF * (4 / 3 - (POLE * cos ** 2) / mass));
  const speed = push - (POLE * HALF * turn * cos) / mass;
  return [
    x + STEP * velocity,
    velocity + STEP * speed,
    angle + STEP * turning,
    turning + STEP * turn,
  ];
}

/** Whether the episode has ended: the pole leans too far, or the cart is past the edge. */
export const hasFallen = ([x, , angle]) => Math.abs(x) > EDGE || Math.abs(angle) > FALLEN;
