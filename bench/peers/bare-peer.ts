/**
 * A peer of `bench mailbox` on bare `postMessage`: the same messages, one by one, on worker
 * ports.
 */
import { type MessagePort, parentPort } from 'node:worker_threads';
import { type LoadSpec, MailboxLoad } from './mailbox-load.js';

/** From the benchmark: first the ports to the others, then what to do. */
export type ToBarePeer =
  | { readonly ports: readonly (readonly [string, MessagePort])[] }
  | { readonly load: LoadSpec };

const ports = new Map<string, MessagePort>();
const load = new MailboxLoad(
  (to, message) => ports.get(to)?.postMessage(message),
  () => parentPort?.postMessage('done'),
);

parentPort?.on('message', (message: ToBarePeer) => {
  if ('load' in message) {
    load.start(message.load);
    return;
  }
  for (const [name, port] of message.ports) {
    ports.set(name, port);
    port.on('message', (received: Uint8Array) => load.receive(name, received));
  }
});
