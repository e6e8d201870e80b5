/** A request as one curl command. Masked header values stay masked. */
export function asCurl(url: string, body: string, headers: readonly { name: string; value: string }[]): string {
  const lines = [`curl -X POST ${quote(url)}`]
  for (const { name, value } of headers) lines.push(`-H ${quote(`${name}: ${value}`)}`)
  lines.push(`--data-raw ${quote(body)}`)
  return lines.join(' \\\n  ')
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
