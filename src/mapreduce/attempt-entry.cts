/**
 * What Piscina loads in the thread of an attempt. It is CommonJS so that the ES modules behind it come by
 * `import()`: Piscina would `require` them, and a thread that is killed inside the `require` of an
 * ES module takes the whole process down (Node 20: "IsGraphAsync must be used on an instantiated
 * module").
 */
module.exports = async (request: unknown): Promise<unknown> => {
  const { default: run } = await import('./attempt-worker.js');
  return run(request as Parameters<typeof run>[0]);
};
