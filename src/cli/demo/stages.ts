/** The stages of the demo, in order. */
import { mapreduceStage } from './mapreduce-stage.js';
import type { Stage } from './stage.js';

export const STAGES: readonly Stage[] = [mapreduceStage];
