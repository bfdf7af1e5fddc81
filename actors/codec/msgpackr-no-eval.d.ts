/** msgpackr ships its build without `eval` untyped; it has the types of the main build. */
declare module 'msgpackr/index-no-eval' {
  export { Packr } from 'msgpackr';
}
