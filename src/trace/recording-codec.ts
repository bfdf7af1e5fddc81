/** The bytes of an actor's recording: one positional msgpack array. */
import { decode, type Encodable, encode } from '../../actors/codec/positional.js';
import { codeOfKind, kindOfCode } from '../../actors/message-kinds.js';
import type { Envelope, Input, Micros } from '../../actors/ports.js';
import { ConclaveError } from '../errors.js';
import { type ActorRecording, RECORDING_VERSION } from './actor-recording.js';

/** The recording as bytes, for a file or a worker's message. */
export function encodeRecording(recording: ActorRecording): Uint8Array {
  const { version, name, incarnation, bootedAt, input, records, draws, returns } = recording;
  const batches = recording.batches.map(({ now, inputs }) => [now, inputs.map(encodeInput)]);
  return encode([
    version,
    name,
    incarnation,
    bootedAt,
    input as Encodable,
    records,
    batches as Encodable,
    draws,
    returns as Encodable,
    recording.portNames,
    recording.outputs,
    recording.state,
    recording.error,
  ]);
}

/** Where `encodeRecording` puts records, batches, draws, returns, port names and outputs. */
const LISTS = [5, 6, 7, 8, 9, 10] as const;

/** Reads what `encodeRecording` made. Throws a `ConclaveError` INPUT on anything else. */
export function decodeRecording(bytes: Uint8Array): ActorRecording {
  try {
    const fields = decode(bytes) as [number, ...unknown[]];
    if (fields[0] !== RECORDING_VERSION) {
      throw new Error(`version ${fields[0]}; this program reads ${RECORDING_VERSION}`);
    }
    const [, name, incarnation, bootedAt, input, records, batches, draws, returns] = fields;
    for (const at of LISTS) {
      if (!Array.isArray(fields[at])) throw new Error(`field ${at} is no list`);
    }
    if (typeof name !== 'string') throw new Error('its actor has no name');
    return {
      version: RECORDING_VERSION,
      name,
      incarnation,
      bootedAt,
      input,
      records,
      batches: (batches as [Micros, unknown[][]][]).map(([now, inputs]) => ({
        now,
        inputs: inputs.map(decodeInput),
      })),
      draws,
      returns,
      portNames: fields[9],
      outputs: fields[10],
      state: fields[11],
      error: fields[12],
    } as ActorRecording;
  } catch (cause) {
    throw new ConclaveError('INPUT', `not a recording of an actor: ${String(cause)}`, { cause });
  }
}

function encodeInput(input: Input): Encodable {
  switch (input.type) {
    case 'message': {
      const { from, to, kind, rpc, correlation, incarnation, payload } = input.envelope;
      return [0, from, to, codeOfKind(kind), rpc, correlation, incarnation, payload];
    }
    case 'timer':
      return [1, input.timer];
    case 'persisted':
      return [2, input.upTo];
    case 'noReply':
      return [3, input.to, codeOfKind(input.kind), input.correlation];
    case 'completed':
      return [4, input.port, input.event as Encodable];
  }
}

function decodeInput(fields: unknown[]): Input {
  const [type, a, b, c] = fields as [number, string, string & number, number];
  switch (type) {
    case 0:
      return { type: 'message', envelope: decodeEnvelope(fields) };
    case 1:
      return { type: 'timer', timer: a };
    case 2:
      return { type: 'persisted', upTo: fields[1] as number };
    case 3:
      return { type: 'noReply', to: a, kind: kindOfCode(b), correlation: c };
    case 4:
      return { type: 'completed', port: a, event: fields[2] };
    default:
      throw new Error(`unknown input ${String(type)}`);
  }
}

function decodeEnvelope(fields: unknown[]): Envelope {
  const [, from, to, kind, rpc, correlation, incarnation, payload] = fields;
  return {
    from,
    to,
    kind: kindOfCode(kind as number),
    rpc,
    correlation,
    incarnation,
    payload,
  } as Envelope;
}
