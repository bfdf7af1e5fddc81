/**
 * Runs a script in the manner of etcd's interaction tests: blocks of commands, `----`, and what
 * came of them. Lines that begin with `#` are remarks.
 */
import { NO_MEMBERS, simpleConfiguration } from '../../machines/raft/configuration.js';
import { ScriptCluster } from './script-cluster.js';

/** The script with the output that its commands really have. */
export function runScript(text: string): string {
  const cluster = new ScriptCluster();
  const blocks = text.trimEnd().split(/\n\n+/);
  const done = blocks.map((block) => {
    const lines = block.split('\n');
    const end = lines.indexOf('----');
    const commands = end < 0 ? lines : lines.slice(0, end);
    if (commands.every((line) => line.startsWith('#'))) return commands.join('\n');
    for (const line of commands) if (!line.startsWith('#')) run(cluster, line);
    const output = cluster.takeOutput();
    return [...commands, '----', ...(output.length > 0 ? output : ['ok'])].join('\n');
  });
  return `${done.join('\n\n')}\n`;
}

type Command = (cluster: ScriptCluster, args: readonly string[]) => void;

const COMMANDS: Readonly<Record<string, Command>> = {
  cluster: (cluster, args) => {
    const configuration = simpleConfiguration({ voters: args, learners: [] });
    for (const id of args) cluster.add(id, configuration, { terms: [], term: 0 });
  },
  // node a voters=a,b term=6 log=1,1,1,4 batch=1
  node: (cluster, [name = '', ...args]) => {
    const fields = new Map(args.map((it) => it.split('=') as [string, string]));
    const voters = fields.get('voters')?.split(',') ?? [];
    const terms = (fields.get('log') ?? '').split(',').filter((it) => it !== '');
    const configuration =
      voters.length === 0 ? NO_MEMBERS : simpleConfiguration({ voters, learners: [] });
    const batch = fields.get('batch');
    cluster.add(name, configuration, {
      terms: terms.map(Number),
      term: Number(fields.get('term') ?? 0),
      ...(batch !== undefined && { appendBytesMax: Number(batch) }),
    });
  },
  campaign: (cluster, [name = '']) => cluster.campaign(name),
  beat: (cluster, [name = '']) => cluster.beat(name),
  propose: (cluster, [name = '', count = '1']) => cluster.propose(name, Number(count)),
  read: (cluster, [name = '']) => cluster.read(name),
  transfer: (cluster, [name = '', target = '']) => cluster.transfer(name, target),
  change: (cluster, [name = '', ...voters]) => cluster.change(name, voters),
  pass: (cluster, [millis]) => cluster.pass(Number(millis)),
  hold: (cluster, [name = '']) => cluster.hold(name),
  sync: (cluster, [name = '']) => cluster.sync(name),
  restart: (cluster, [name = '']) => cluster.restart(name),
  cut: (cluster, links) => {
    for (const link of links) {
      const [from = '', to = ''] = link.split('->');
      cluster.cut(from, to);
    }
  },
  isolate: (cluster, [name = '', ...others]) => {
    for (const other of others) {
      cluster.cut(name, other);
      cluster.cut(other, name);
    }
  },
  heal: (cluster) => cluster.heal(),
  deliver: (cluster, links) => cluster.deliver(links),
  drop: (cluster, links) => cluster.drop(links),
  stabilize: (cluster) => cluster.stabilize(),
  status: (cluster, names) => cluster.status(names),
};

function run(cluster: ScriptCluster, line: string): void {
  const [name = '', ...args] = line.split(/\s+/);
  const command = COMMANDS[name];
  if (command === undefined) throw new Error(`the script says '${line}', which is no command`);
  command(cluster, args);
}
