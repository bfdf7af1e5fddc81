/** A peer of `bench mailbox` on the router: each message is its own envelope and handler call. */
import type { Envelope } from '../../actors/ports.js';
import type { EndpointBinding } from '../../src/host/binding.js';
import { type LoadSpec, MailboxLoad } from './mailbox-load.js';

/** Who says when to start, and is told of the end. */
export const STARTER = 'starter';

const DONE = new Uint8Array(1);

export const peer: EndpointBinding = {
  serve(endpoint) {
    const load = new MailboxLoad(
      (to, payload) => endpoint.send({ to, kind: 'custom', payload }),
      () => endpoint.send({ to: STARTER, kind: 'custom', payload: DONE }),
    );
    endpoint.onMessage = ({ from, payload }: Envelope) => {
      if (from === STARTER) load.start(JSON.parse(new TextDecoder().decode(payload)) as LoadSpec);
      else load.receive(from, payload);
    };
  },
};
