import { test } from 'tap';
import { hanging } from '../../src/cli/hanging.js';

test('hanging: lines end at a space, and go on below the text', (t) => {
  const head = 'sim  ';
  t.equal(hanging(head, 'one two three', 100), 'sim  one two three');
  t.equal(hanging(head, 'one two three', 12), 'sim  one two\n     three');
  t.equal(hanging(head, 'one incomprehensible', 8), 'sim  one\n     incomprehensible');
  t.equal(hanging('', 'one two', 5), 'one\ntwo');
  t.end();
});
