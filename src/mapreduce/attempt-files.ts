/** Where an attempt writes within its job's directory. Its id is unique, and so are its files. */
import { join } from 'node:path';

/** The one file that an attempt leaves behind. */
export function resultPath(directory: string, id: string): string {
  return join(directory, `${id}.out`);
}

/** What an attempt whose process may die has in hand: what ProgressReader reads, as bytes. */
export function positionPath(directory: string, id: string): string {
  return join(directory, `${id}.position`);
}

/** What an attempt needs only while it runs. */
export function scratchPath(directory: string, id: string): string {
  return join(directory, `${id}.scratch`);
}
