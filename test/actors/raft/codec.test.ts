import fc from 'fast-check';
import { test } from 'tap';
import { MalformedMessage } from '../../../actors/codec/fields.js';
import { encode } from '../../../actors/codec/positional.js';
import { LogCache, packEntries } from '../../../actors/log-cache.js';
import { commandOf, ownEntry, packCommands, readEntries } from '../../../actors/raft/entries.js';
import { headerOf } from '../../../actors/raft/framing.js';
import {
  entriesHeader,
  hardStateRecord,
  recover,
  writeSnapshot,
} from '../../../actors/raft/records.js';
import { concatenate, SnapshotStore } from '../../../actors/raft/snapshot-store.js';
import { appendHeader, decodeMessage, encodeMessage, KIND_OF } from '../../../actors/raft/wire.js';
import { simpleConfiguration } from '../../../machines/raft/configuration.js';
import { appendTo, logAfter } from '../../../machines/raft/log-metadata.js';
import type { RaftMessage } from '../../../machines/raft/messages.js';

const ABC = simpleConfiguration({ voters: ['c', 'a', 'b'], learners: ['d'] });

function decoded(type: RaftMessage['type'], payload: Uint8Array) {
  return decodeMessage({ kind: KIND_OF[type], from: 'a', payload }, 9);
}

test('raft codec: every plain message comes back as it was', (t) => {
  const messages = [
    { type: 'preVote', term: 3, lastIndex: 7, lastTerm: 2, isTransfer: false },
    { type: 'requestVote', term: 3, lastIndex: 7, lastTerm: 2, isTransfer: true },
    { type: 'preVoteResult', term: 3, isGranted: true },
    { type: 'voteResult', term: 3, isGranted: false },
    { type: 'snapshotResult', term: 3, round: 4, lastIndex: 5, nextOffset: 6, isDone: true },
    { type: 'timeoutNow', term: 3 },
  ] as const;
  for (const message of messages) {
    const expected = { ...message, from: 'a', now: 9 };
    t.same(decoded(message.type, encodeMessage(message)), expected, message.type);
  }
  const success = {
    type: 'appendResult',
    term: 3,
    round: 4,
    isSuccess: true,
    matchIndex: 9,
  } as const;
  const where = { rejectedIndex: 0, conflictIndex: 0, conflictTerm: 0 };
  t.same(decoded('appendResult', encodeMessage({ ...success, ...where })), {
    ...success,
    ...where,
    from: 'a',
    now: 9,
  });
  t.end();
});

test('raft codec: an append carries entries, their terms, and the configurations among them', (t) => {
  const packed = concatenate([packCommands([Buffer.from('x')]), packEntries([ownEntry(ABC)])]);
  const header = appendHeader({
    type: 'replicate',
    to: 'b',
    term: 4,
    prevIndex: 10,
    prevTerm: 2,
    commitIndex: 8,
    round: 5,
    runs: [
      [3, 1],
      [4, 1],
    ],
    first: 11,
    last: 12,
  });
  const event = decoded('appendEntries', concatenate([header, packed]));
  t.match(event, { term: 4, prevIndex: 10, prevTerm: 2, commitIndex: 8, round: 5, count: 2 });
  t.same((event as { configurations: unknown }).configurations, [[12, ABC]]);
  t.end();
});

test('raft codec: what no version has sent is refused, field by field', (t) => {
  const entries = packCommands([Buffer.from('x')]);
  const append =
    (fields: unknown[], rest = entries) =>
    () =>
      decoded('appendEntries', concatenate([headerOf(fields as never), rest]));
  t.doesNotThrow(append([4, 10, 2, 8, 5, [[4, 1]]]));
  t.throws(append([4, 10, 2, 8, 5, [[4, 2]]]), MalformedMessage, 'more terms than entries');
  t.throws(append([4, 10, 2, 8, 5, [[5, 1]]]), MalformedMessage, 'a term above the sender’s');
  t.throws(append([4, 10, 4, 8, 5, [[3, 1]]]), MalformedMessage, 'terms go down');
  t.throws(append([4, -1, 2, 8, 5, [[4, 1]]]), MalformedMessage, 'a negative index');
  t.throws(append([4, 1.5, 2, 8, 5, [[4, 1]]]), MalformedMessage, 'a broken index');
  t.throws(append([4, 10, 2, 8, 5, [[4, 1]]], entries.slice(0, -1)), MalformedMessage, 'cut off');
  t.throws(append([4, 10, 2, 8, 5, [[4, 1]]], packEntries([Uint8Array.of(9)])), MalformedMessage);
  t.throws(append([4, 10, 2]), MalformedMessage, 'too few fields');
  for (const type of Object.keys(KIND_OF) as RaftMessage['type'][]) {
    t.throws(() => decoded(type, encode(['x'])), MalformedMessage, type);
    t.throws(() => decoded(type, new Uint8Array()), MalformedMessage, `${type}, empty`);
  }
  const learns = encode([['a'], [], ['a'], []]);
  t.throws(() => readEntries(packEntries([concatenate([Uint8Array.of(2), learns])]), 1), /votes/);
  t.end();
});

test('raft codec: random bytes are refused or decoded, never anything else', (t) => {
  const kinds = fc.constantFrom(...(Object.keys(KIND_OF) as RaftMessage['type'][]));
  fc.assert(
    fc.property(kinds, fc.uint8Array({ maxLength: 60 }), (type, bytes) => {
      try {
        return decoded(type, bytes) !== undefined;
      } catch (error) {
        return error instanceof MalformedMessage;
      }
    }),
    { numRuns: 500, seed: 3 },
  );
  t.end();
});

/** A disk of one life: records in order. */
function disk() {
  const records: Uint8Array[] = [];
  const write = (record: Uint8Array | readonly Uint8Array[]) => {
    records.push(record instanceof Uint8Array ? record.slice() : concatenate(record));
  };
  return { records, storage: { write, forget: () => {} } };
}

function commands(cache: LogCache): string[] {
  const all: string[] = [];
  cache.forEach(cache.firstIndex, cache.lastIndex, (index, entry) => {
    all.push(`${index}${Buffer.from(commandOf(entry) ?? []).toString()}`);
  });
  return all;
}

function reopened(records: readonly Uint8Array[]) {
  const cache = new LogCache();
  const snapshots = new SnapshotStore();
  const recovered = recover(records, ABC, cache, snapshots);
  return { ...recovered, cache, snapshots };
}

const text = (words: string) => packCommands(words.split(' ').map((word) => Buffer.from(word)));

test('raft recovery: hard state, entries, truncation and configurations, in the order written', (t) => {
  const empty = reopened([]);
  t.match(empty, { currentTerm: 0, votedFor: null, log: { lastIndex: 0, firstIndex: 1 } });
  const { records, storage } = disk();
  storage.write(hardStateRecord(1, 'a'));
  storage.write([entriesHeader(1, [[1, 3]]), text('a b c')]);
  storage.write(hardStateRecord(2, null));
  storage.write([entriesHeader(3, [[2, 2]]), packEntries([ownEntry(null), ownEntry(ABC)])]);
  const found = reopened(records);
  t.match(found, { currentTerm: 2, votedFor: null });
  t.same(commands(found.cache), ['1a', '2b', '3', '4']);
  t.same(found.log.runs, [
    [1, 1],
    [2, 3],
  ]);
  t.same(found.log.configurations.at(-1), [4, ABC]);
  const earlier = reopened(records.slice(0, 2));
  t.same(commands(earlier.cache), ['1a', '2b', '3c']);
  t.end();
});

test('raft recovery: a snapshot counts when its marker is there; any prefix is consistent', (t) => {
  const { records, storage } = disk();
  const cache = new LogCache();
  cache.append(1, 4, text('a b c d'));
  storage.write(hardStateRecord(1, 'a'));
  storage.write([entriesHeader(1, [[1, 4]]), text('a b c d')]);
  const initial = logAfter({ index: 0, term: 0, configuration: ABC });
  const log = appendTo(initial, { first: 1, runs: [[1, 4]], configurations: [], sizeBytes: 40 });
  const bytes = new Uint8Array(3 * 1024 * 1024).fill(7);
  const snapshot = { index: 3, term: 1, configuration: ABC };
  const effect = { type: 'persistSnapshot', snapshot, bytes, isReset: false, log } as const;
  const more = { currentTerm: 1, votedFor: 'a', firstToken: 3, token: 3 + 2 ** 20 };
  writeSnapshot({ ...effect, ...more }, bytes, cache, storage);
  t.equal(records.length, 2 + 3 + 1 + 1, 'three pieces, the marker, the tail');
  for (let kept = 2; kept < 6; kept++) {
    const found = reopened(records.slice(0, kept));
    t.same(commands(found.cache), ['1a', '2b', '3c', '4d'], `${kept} records`);
    t.equal(found.snapshots.latest, undefined);
  }
  for (const kept of [records.slice(0, 6), records]) {
    const found = reopened(kept);
    t.same(commands(found.cache), ['4d']);
    t.equal(found.snapshots.latest?.bytes.byteLength, bytes.byteLength);
    t.match(found.log, { firstIndex: 4, lastIndex: 4, snapshot: { index: 3, term: 1 } });
  }
  const rest = reopened(records.slice(2));
  t.same(commands(rest.cache), ['4d'], 'what is before the snapshot may be forgotten');
  const part = reopened(records.slice(1));
  t.same(commands(part.cache), ['4d'], 'or only a part of it');
  t.end();
});

test('raft recovery: a log without its start, and a snapshot without a piece, are refused', (t) => {
  const late = [headerOf([1, 5, [[1, 1]]]), text('x')];
  t.throws(() => reopened([concatenate(late)]), /begins behind its last snapshot/);
  const marker = headerOf([3, 3, 1, [['a'], [], [], []], 10, false, 1, null]);
  t.throws(() => reopened([marker]), /0 bytes instead of 10/);
  t.throws(() => reopened([headerOf([9, 1, 1])]), /kind 9/);
  t.end();
});
