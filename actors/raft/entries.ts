/**
 * What an entry of a Raft log is as bytes: its kind, then the command, or the configuration. The
 * log cache, the disk and the wire carry it like that; nobody encodes it twice.
 */
import { type Configuration, MEMBERS_MAX } from '../../machines/raft/configuration.js';
import type { PlacedConfiguration } from '../../machines/raft/log-metadata.js';
import { array, MalformedMessage, text, unpack } from '../codec/fields.js';
import { type Encodable, encode } from '../codec/positional.js';
import { forEachPacked } from '../log-cache.js';

const COMMAND = 0;
const NO_OP = 1;
const CONFIGURATION = 2;

const LENGTH_BYTES = 4;

/** Packs commands of clients, in order, for the log cache. */
export function packCommands(commands: readonly Uint8Array[]): Uint8Array {
  let sizeBytes = 0;
  for (const command of commands) sizeBytes += LENGTH_BYTES + 1 + command.byteLength;
  const packed = new Uint8Array(sizeBytes);
  let at = 0;
  for (const command of commands) {
    const length = 1 + command.byteLength;
    packed[at] = length;
    packed[at + 1] = length >>> 8;
    packed[at + 2] = length >>> 16;
    packed[at + 3] = length >>> 24;
    packed[at + LENGTH_BYTES] = COMMAND;
    packed.set(command, at + LENGTH_BYTES + 1);
    at += LENGTH_BYTES + length;
  }
  return packed;
}

/** An entry of the protocol's own: a configuration, or (null) a no-op. */
export function ownEntry(configuration: Configuration | null): Uint8Array {
  if (configuration === null) return Uint8Array.of(NO_OP);
  const fields = encode(fromConfiguration(configuration));
  const entry = new Uint8Array(1 + fields.byteLength);
  entry[0] = CONFIGURATION;
  entry.set(fields, 1);
  return entry;
}

/** The command of an entry, as a view; null when it is the protocol's own. */
export function commandOf(entry: Uint8Array): Uint8Array | null {
  return entry[0] === COMMAND ? entry.subarray(1) : null;
}

/** Walks packed entries that someone else has sent or written: how many, which configurations. */
export function readEntries(
  packed: Uint8Array,
  first: number,
): { readonly count: number; readonly configurations: readonly PlacedConfiguration[] } {
  const configurations: PlacedConfiguration[] = [];
  try {
    const count = forEachPacked(packed, (entry, offset) => {
      const kind = entry[0];
      if (kind === CONFIGURATION) {
        configurations.push([first + offset, toConfiguration(unpack(entry.subarray(1)))]);
      } else if (kind !== COMMAND && kind !== NO_OP) {
        throw new MalformedMessage(`an entry of kind ${kind}`);
      }
    });
    return { count, configurations };
  } catch (error) {
    if (error instanceof RangeError) throw new MalformedMessage(error.message);
    throw error;
  }
}

export function fromConfiguration(configuration: Configuration): Encodable {
  const { voters, outgoing, learners, learnersNext } = configuration;
  return [voters, outgoing, learners, learnersNext];
}

export function toConfiguration(value: unknown): Configuration {
  const [voters, outgoing, learners, learnersNext] = array(value, 4).map(names);
  const configuration = { voters, outgoing, learners, learnersNext } as Configuration;
  const all = [...configuration.voters, ...configuration.outgoing];
  if (configuration.learners.some((id) => all.includes(id))) {
    throw new MalformedMessage('a member that votes and learns');
  }
  return configuration;
}

/** Sorted, without repetitions, and not more than anybody would have meant. */
function names(value: unknown): readonly string[] {
  const list = array(value, 0).map(text);
  if (list.length > MEMBERS_MAX) throw new MalformedMessage(`${list.length} members`);
  for (let at = 1; at < list.length; at++) {
    if ((list[at - 1] as string) >= (list[at] as string)) {
      throw new MalformedMessage('members out of order');
    }
  }
  return list;
}
