/**
 * The statement with its values written out, for messages of several statements, which take no parameters. Safe whatever
 * `standard_conforming_strings` is: a text with a backslash is an `E''` literal (PostgreSQL, "String Constants with
 * C-Style Escapes"), as `pg`'s `escapeLiteral` has it.
 */
export function withLiterals(text: string, values: readonly (string | null)[]): string {
  return text.replace(/\$(\d+)/g, (parameter, number: string) => {
    const value = values[Number(number) - 1]
    // one that was not given is left for the server to refuse
    return value === undefined ? parameter : literal(value)
  })
}

function literal(value: string | null): string {
  if (value === null) return 'NULL'
  return value.includes('\\') ? ` E'${value.replace(/[\\']/g, '$&$&')}'` : `'${value.replaceAll("'", "''")}'`
}
