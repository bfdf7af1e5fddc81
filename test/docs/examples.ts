/**
 * The code of a Markdown file that is meant to run. A fenced block whose info string says
 * `file=name` is a file; one that says `output=name` is what running that file prints.
 */
export interface Examples {
  readonly files: ReadonlyMap<string, string>;
  /** File → what it prints, in the order of the document. */
  readonly outputs: ReadonlyMap<string, string>;
}

export function examplesOf(markdown: string): Examples {
  const files = new Map<string, string>();
  const outputs = new Map<string, string>();
  for (const [, info = '', body = ''] of markdown.matchAll(/^```(.+)\n([\s\S]*?)^```$/gm)) {
    const file = /\bfile=(\S+)/.exec(info)?.[1];
    const output = /\boutput=(\S+)/.exec(info)?.[1];
    if (file !== undefined) files.set(file, body);
    if (output !== undefined) outputs.set(output, body);
  }
  return { files, outputs };
}

/** The arguments of every `npm start -- …` in a document, without comments. */
export function commandLinesOf(markdown: string): string[][] {
  const lines = markdown.matchAll(/npm start -- ([^#`\n]+)/g);
  return [...lines].map(([, words = '']) => words.trim().split(/\s+/));
}
