import type { ScenarioResult } from './report/figures.js';
import type { RunOptions } from './rounds.js';
import type { Scene } from './scene.js';

/** Something that is measured: the same load on several targets, or a study of its own. */
export interface Work {
  readonly name: string;
  readonly run: (scene: Scene, options: RunOptions) => Promise<ScenarioResult[]>;
}
