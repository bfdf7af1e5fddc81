#!/usr/bin/env node
/** The `conclave` command: the entry point that `bin` names. */
import { runToExit } from './run.js';

await runToExit(process.argv.slice(2));
