/** Rows as aligned text, with a header line. Width is counted in code points. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, column) => Math.max(...[name, ...rows.map((row) => row[column] ?? '')].map(width)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
      .join('  ')
      .trimEnd()
  return [line(header), line(widths.map((length) => '─'.repeat(length))), ...rows.map(line)].join('\n')
}

function width(text: string): number {
  return [...text].length
}
