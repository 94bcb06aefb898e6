import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";

env.wasm.numThreads = 1; // networks this small are fastest with one

/**
 * Acts in one environment with what `velora.onnx.export` has written.
 *
 *     const agent = await Agent.load("policy.onnx");
 *     const action = await agent.act(observation);
 *     agent.reset(); // at the end of an episode
 */
export class Agent {
  /** Loads the file at an address; see the constructor. */
  static async load(url) {
    return new Agent(await InferenceSession.create(url));
  }

  /** Takes a session of onnxruntime. */
  constructor(session) {
    this.session = session;
    this.reset();
  }

  /** Forgets what was, before the next action. */
  reset() {
    this.state = {}; // tensors by their input's name, after the last action
    this.starts = true;
  }

  /**
   * Chooses the next action; wait for it before you ask again.
   *
   * @param observation A number or (nested or typed) array, as the environment gives it; an
   *     object of these where the agent was trained with a Dict. Channels of images are first.
   * @param actionMasks Booleans, false where a choice is invalid, if the agent takes them.
   * @returns A number, or an array of numbers where an action has several.
   */
  async act(observation, actionMasks) {
    const given = { observation, episode_start: this.starts, action_masks: actionMasks };
    const feeds = {};
    for (const port of this.session.inputMetadata) {
      const key = port.name.replace(/^observation\./, "");
      const value = key === port.name ? given[key] : observation[key];
      feeds[port.name] = /^state(_\d+)?$/.test(port.name)
        ? (this.state[port.name] ?? tensor(port, zeros(port)))
        : tensor(port, value);
    }
    const { action, ...after } = await this.session.run(feeds);
    this.state = {};
    for (const [name, value] of Object.entries(after)) {
      this.state[name.replace("next_", "")] = value;
    }
    this.starts = false;
    const numbers = Array.from(action.data, Number); // int64 come as BigInt
    return action.dims.length === 1 ? numbers[0] : numbers;
  }
}

/** The dimensions of an input for one environment. */
const dims = (port) => port.shape.map((size) => (typeof size === "number" ? size : 1));

const zeros = (port) => Array(dims(port).reduce((a, b) => a * b, 1)).fill(0);

function tensor(port, value) {
  const flat = ArrayBuffer.isView(value) ? value : [value].flat(Infinity);
  const numbers = Array.from(flat, (each) => Number(each ?? NaN));
  const count = zeros(port).length;
  if (numbers.length !== count || numbers.some(Number.isNaN)) {
    const got = JSON.stringify(value);
    throw new TypeError(`"${port.name}" must be ${count} numbers; got ${got}.`);
  }
  return new Tensor(port.type, numbers, dims(port));
}
