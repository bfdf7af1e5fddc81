/**
 * What Piscina loads in an actor's thread. It is CommonJS so that the ES modules behind it come by
 * `import()`: Piscina would `require` them, and a thread that is killed inside the `require` of an
 * ES module takes the whole process down (Node 20: "IsGraphAsync must be used on an instantiated
 * module").
 */
module.exports = async (boot: unknown): Promise<never> => {
  const { default: runThread } = await import('./worker-entry.js');
  return runThread(boot as Parameters<typeof runThread>[0]);
};
