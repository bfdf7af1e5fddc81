/**
 * The state machine of both pipelines: the last value of each of 4096 keys, and how many writes.
 */
const KEYS = 4096;

export class PipelineMap {
  readonly #values = new Map<number, Uint8Array>();
  #writeCount = 0;

  /** The first two bytes of an operation are its key. The answer is the number of writes so far. */
  apply(_index: number, operation: Uint8Array): Uint8Array {
    const key = (((operation[0] as number) << 8) | (operation[1] as number)) % KEYS;
    this.#values.set(key, operation);
    this.#writeCount++;
    const answer = new Uint8Array(4);
    new DataView(answer.buffer).setUint32(0, this.#writeCount);
    return answer;
  }
}
