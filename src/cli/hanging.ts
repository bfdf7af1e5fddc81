/** Paragraphs beside a heading: lines end at a space, and further ones begin below the text. */

/** `head` with `text` to its right, in at most `columns` columns where its words allow it. */
export function hanging(head: string, text: string, columns: number): string {
  const lines: string[] = [];
  let line = head;
  let isFresh = true;
  for (const word of text.split(' ')) {
    if (!isFresh && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = ' '.repeat(head.length);
      isFresh = true;
    }
    line += isFresh ? word : ` ${word}`;
    isFresh = false;
  }
  return [...lines, line].join('\n');
}
