/**
 * A running 64-bit hash from 32-bit operations: what identifies a run. Two lanes, mixed with
 * multiplications and rotations; not cryptographic. Equal input gives an equal hash on any machine.
 */
export class TraceHash {
  #a = 0x243f6a88;
  #b = 0x85a308d3 | 0;

  /** Folds the low 32 bits of a number. */
  fold(value: number): void {
    const a = Math.imul(this.#a ^ value, 0x85ebca6b);
    const b = Math.imul(this.#b + value, 0xc2b2ae35);
    this.#a = ((a << 13) | (a >>> 19)) + b;
    this.#b = ((b << 17) | (b >>> 15)) ^ a;
  }

  /** Folds an integer of up to 53 bits. */
  foldInteger(value: number): void {
    this.fold(value | 0);
    this.fold(Math.floor(value / 2 ** 32));
  }

  foldString(text: string): void {
    this.fold(text.length);
    for (let i = 0; i < text.length; i++) this.fold(text.charCodeAt(i));
  }

  foldBytes(bytes: Uint8Array): void {
    const { length } = bytes;
    this.fold(length);
    const whole = length & ~3;
    for (let i = 0; i < whole; i += 4) {
      this.fold(
        (bytes[i] as number) |
          ((bytes[i + 1] as number) << 8) |
          ((bytes[i + 2] as number) << 16) |
          ((bytes[i + 3] as number) << 24),
      );
    }
    for (let i = whole; i < length; i++) this.fold(bytes[i] as number);
  }

  /**
   * Folds any plain data (what survives `structuredClone`, without cycles). The keys of objects are
   * sorted; the order of maps and sets counts. Functions are all alike.
   */
  foldValue(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.fold(1);
        this.foldString(value);
        break;
      case 'number':
        this.fold(2);
        if (Number.isSafeInteger(value)) this.foldInteger(value);
        else this.foldString(String(value));
        break;
      case 'boolean':
        this.fold(value ? 4 : 3);
        break;
      case 'bigint':
        this.fold(5);
        this.foldString(value.toString());
        break;
      case 'object':
        if (value === null) this.fold(6);
        else this.#foldObject(value);
        break;
      default:
        this.fold(7);
    }
  }

  /** 16 hexadecimal digits. Folding may go on. */
  digest(): string {
    const final = new TraceHash();
    final.fold(this.#a);
    final.fold(this.#b);
    final.fold(this.#a);
    return hex(final.#a) + hex(final.#b);
  }

  #foldObject(value: object): void {
    if (value instanceof Uint8Array) {
      this.fold(8);
      this.foldBytes(value);
    } else if (Array.isArray(value) || ArrayBuffer.isView(value) || value instanceof Set) {
      this.fold(9);
      for (const item of value as unknown as Iterable<unknown>) this.foldValue(item);
      this.fold(10);
    } else if (value instanceof Map) {
      this.fold(11);
      for (const [key, item] of value) {
        this.foldValue(key);
        this.foldValue(item);
      }
      this.fold(10);
    } else {
      this.fold(12);
      for (const key of Object.keys(value).sort()) {
        this.foldString(key);
        this.foldValue((value as Record<string, unknown>)[key]);
      }
      this.fold(10);
    }
  }
}

/** The digest of one value. */
export function hashOf(value: unknown): string {
  const hash = new TraceHash();
  hash.foldValue(value);
  return hash.digest();
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
