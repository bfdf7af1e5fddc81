import { test } from 'tap';
import { conclave, START } from './child.js';

test('entry: help and version go to standard output and exit 0', async (t) => {
  const [help, version, nothing] = await Promise.all([
    conclave(['--help']),
    conclave(['--version']),
    conclave([]),
  ]);
  t.match(help, { code: 0, stderr: '', stdout: /^Usage: conclave \[command\] \[options\]/ });
  t.match(version, { code: 0, stderr: '', stdout: /^\d+\.\d+\.\d+\n$/ });
  t.same(nothing, help);
});

test('entry: wrong usage exits 2, says what to write, and shows no stack', async (t) => {
  const [text, json, verbose, started] = await Promise.all([
    conclave(['nope', '--help']),
    conclave(['nope', '--json']),
    conclave(['nope', '--verbose']),
    conclave(['nope'], { entry: START }),
  ]);
  t.match(text, { code: 2, stdout: '', stderr: /^error: unknown command 'nope'; / });
  t.notMatch(text.stderr, /\n +at /);
  t.match(verbose.stderr, /\n +at /);
  t.match(json, { code: 2, stderr: /^error: unknown command 'nope'/ });
  t.match(JSON.parse(json.stdout), { error: { code: 'USAGE', message: /unknown command 'nope'/ } });
  t.same(started, text, 'npm start takes any command');
});

test('entry: a reader that leaves early is no error', async (t) => {
  t.match(await conclave(['--help'], { closeStdout: true }), { code: 0, stderr: '' });
});

test('bench: lists, and refuses what it does not know before it measures', async (t) => {
  const [list, json, name, option] = await Promise.all([
    conclave(['bench', '--list']),
    conclave(['bench', '--list', '--json']),
    conclave(['bench', 'nope']),
    conclave(['bench', 'step', '--option', 'nope=1']),
  ]);
  t.match(list, { code: 0, stderr: '', stdout: /^step +the cost of an event/m });
  t.match(JSON.parse(json.stdout), { benchmarks: [{ name: 'step' }] });
  t.match(name, {
    code: 2,
    stdout: '',
    stderr: /^error: there is no benchmark 'nope'; there are: /,
  });
  t.match(option, { code: 2, stdout: '', stderr: /^error: there is no option 'nope' here/ });
});
