/**
 * The import arrow: machines ← actors ← src ← test, bench, and what may run in a browser page.
 * Every rule is an error. `npm run check` runs it.
 */

/** Everything that the simulator and the page run; the thread router and the hosts are not. */
const PURE = '^(machines|actors|src/(sim|router|codec|random|storage|trace|heap))/';
const NOT_PURE =
  '^src/(router/thread-|storage/(atomic-file|data-directory|disk-log|node-files|process-lock)[.])';

module.exports = {
  forbidden: [
    {
      name: 'machines-import-xstate-and-themselves',
      comment: 'A machine is a pure statechart: it knows nothing of actors, hosts or libraries.',
      severity: 'error',
      from: { path: '^machines/' },
      to: { pathNot: '^machines/|node_modules/xstate/' },
    },
    {
      name: 'actors-do-not-import-src',
      comment: 'Actors name ports (actors/ports.ts); src implements them.',
      severity: 'error',
      from: { path: '^actors/' },
      to: { pathNot: '^(machines|actors)/|node_modules/(xstate|msgpackr)/' },
    },
    {
      name: 'nothing-imports-test-or-bench',
      comment: 'Tests and benchmarks stand at the end of the arrow.',
      severity: 'error',
      from: { path: '^(machines|actors|src)/' },
      to: { path: '^(test|bench)/' },
    },
    {
      name: 'tests-and-benchmarks-stay-apart',
      comment: 'A benchmark is no fixture of a test but when the test is of the benchmark.',
      severity: 'error',
      from: { path: '^bench/' },
      to: { path: '^test/' },
    },
    {
      name: 'pure-code-has-no-node',
      comment: 'It runs in Node, in the simulator and in a browser page, unchanged.',
      severity: 'error',
      from: { path: PURE, pathNot: NOT_PURE },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pure-code-imports-pure-code',
      comment: 'What it imports runs in the page too. src/errors.ts is plain classes.',
      severity: 'error',
      from: { path: PURE, pathNot: NOT_PURE },
      to: { path: '^src/', pathNot: `${PURE}|^src/(errors|linearizability|host/binding)` },
    },
    {
      name: 'pure-code-does-not-import-the-thread-router',
      severity: 'error',
      from: { path: PURE, pathNot: NOT_PURE },
      to: { path: NOT_PURE },
    },
    {
      name: 'pure-code-imports-only-these-libraries',
      comment: 'msgpackr by its build without eval: a page has a strict content-security policy.',
      severity: 'error',
      from: { path: PURE, pathNot: NOT_PURE },
      to: { path: 'node_modules/', pathNot: 'node_modules/(xstate/|msgpackr/.*index-no-eval)' },
    },
    {
      name: 'no-cycles',
      comment: 'Types may refer to each other; modules that run may not.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      comment: 'A module that nothing imports and that imports nothing is dead.',
      severity: 'error',
      from: { orphan: true, path: '^(machines|actors|src)/', pathNot: '\\.d\\.ts$' },
      to: {},
    },
    {
      name: 'declared-dependencies-only',
      comment: 'What ships imports what package.json declares as a dependency.',
      severity: 'error',
      from: { path: '^(machines|actors|src)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
