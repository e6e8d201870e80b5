/** The answer of the API, without the marks of the client's cache. */
export function asAnswered<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value, (name, one) => (name === '__typename' ? undefined : one))) as Value
}

/** Downloads a value as a JSON file. Its name holds the type and today's date. */
export function saveJson(name: string, value: unknown): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(value, null, 2)], { type: 'application/json' }))
  const link = document.createElement('a')
  link.href = url
  link.download = `${name}-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.json`
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
