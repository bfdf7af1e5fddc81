/** Reads a sorted stream key by key, and the values of each. */
import { type RecordStream, readCount } from './record-stream.js';

export class Groups {
  readonly #stream: RecordStream;
  readonly #kind: 'text' | 'counts';
  /** The stream stands on a pair that has not been handed out. */
  #isPending = false;
  #isStarted = false;
  /** The current key is `key[0, keyLength)`. */
  key = Buffer.allocUnsafeSlow(256);
  keyLength = 0;

  constructor(stream: RecordStream, kind: 'text' | 'counts') {
    this.#stream = stream;
    this.#kind = kind;
  }

  /** Moves to the next key, past what is left of the current one's values. False at the end. */
  next(): boolean {
    if (this.#isStarted) while (this.nextValue());
    else this.#isPending = this.#stream.next();
    this.#isStarted = true;
    if (!this.#isPending) return false;
    const { bytes, keyStart, keyEnd } = this.#stream;
    const length = keyEnd - keyStart;
    if (length > this.key.length) this.key = Buffer.allocUnsafeSlow(length * 2);
    const key = this.key;
    for (let i = 0; i < length; i++) key[i] = bytes[keyStart + i] as number;
    this.keyLength = length;
    return true;
  }

  /** Moves to the current key's next value. False when there is none. */
  nextValue(): boolean {
    if (!this.#isPending) {
      if (!this.#stream.next()) return false;
      this.#isPending = true;
    }
    if (!this.#isSameKey()) return false;
    this.#isPending = false;
    return true;
  }

  /** The value in hand as text; a count in decimal. */
  get valueText(): string {
    if (this.#kind === 'counts') return String(this.valueCount);
    const { bytes, valueStart, valueEnd } = this.#stream;
    return textOf(bytes, valueStart, valueEnd);
  }

  get valueCount(): number {
    return readCount(this.#stream.bytes, this.#stream.valueStart, this.#stream.valueEnd);
  }

  get keyText(): string {
    return textOf(this.key, 0, this.keyLength);
  }

  /** All values that are left of the current key. */
  values(): string[] {
    const values: string[] = [];
    while (this.nextValue()) values.push(this.valueText);
    return values;
  }

  /** The sum of the counts that are left of the current key. */
  sum(): number {
    let sum = 0;
    while (this.nextValue()) sum += this.valueCount;
    return sum;
  }

  #isSameKey(): boolean {
    const { bytes, keyStart, keyEnd } = this.#stream;
    const length = this.keyLength;
    if (keyEnd - keyStart !== length) return false;
    const key = this.key;
    for (let i = length - 1; i >= 0; i--) if (key[i] !== bytes[keyStart + i]) return false;
    return true;
  }
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
