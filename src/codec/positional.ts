/** The codec for `src/`: the actors own it, because the import arrow ends there. */
export { decode, type Encodable, encode } from '../../actors/codec/positional.js';
