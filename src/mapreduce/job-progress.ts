/** Tells a caller how a job goes on: seldom enough for a terminal, and at the end of each phase. */
import type { JobStatusResult, TaskCounts } from '../../machines/mapreduce/messages.js';
import type { JobProgress, MapReduceOptions } from './options.js';

const INTERVAL_MILLIS = 100;

export class JobProgressReporter {
  readonly #options: Pick<MapReduceOptions, 'onProgress' | 'onEvent'>;
  #toldAt = Number.NEGATIVE_INFINITY;
  #isMapTold = false;
  #isReduceTold = false;
  #notesSeen = 0;

  constructor(options: Pick<MapReduceOptions, 'onProgress' | 'onEvent'>) {
    this.#options = options;
  }

  tell(status: JobStatusResult): void {
    this.#tellNotes(status);
    const isMapDone = status.maps.done === status.maps.total;
    const isReduceDone = isMapDone && status.reduces.done === status.reduces.total;
    if (isMapDone && !this.#isMapTold) this.#send('map', status.maps, status.bytesDone);
    if (isReduceDone && !this.#isReduceTold) this.#send('reduce', status.reduces, 0);
    this.#isMapTold ||= isMapDone;
    this.#isReduceTold ||= isReduceDone;
    if (isReduceDone || performance.now() - this.#toldAt < INTERVAL_MILLIS) return;
    if (isMapDone) this.#send('reduce', status.reduces, 0);
    else this.#send('map', status.maps, status.bytesDone);
  }

  #send(phase: JobProgress['phase'], tasks: TaskCounts, bytesDone: number): void {
    this.#toldAt = performance.now();
    this.#options.onProgress?.({
      phase,
      tasksDone: tasks.done,
      tasksTotal: tasks.total,
      bytesDone,
    });
  }

  #tellNotes({ notes, notesCount }: JobStatusResult): void {
    const unseen = Math.min(notes.length, notesCount - this.#notesSeen);
    this.#notesSeen = notesCount;
    if (unseen <= 0) return;
    for (const { level, message } of notes.slice(-unseen)) {
      this.#options.onEvent?.({ level, message });
    }
  }
}
