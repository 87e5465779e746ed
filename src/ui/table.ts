/** Left-aligned columns separated by two spaces; the last column is not padded. Cells must be printable text. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = header.length === 0 ? rows : [header, ...rows];
  const columns = Math.max(0, ...lines.map((line) => line.length));
  const widths = Array.from({ length: columns }, (_, column) => Math.max(0, ...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === line.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
