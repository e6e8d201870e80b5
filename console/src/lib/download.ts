/** What the API answered, without what the client notes in it for its cache. */
export function asAnswered<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value, (name, one) => (name === '__typename' ? undefined : one))) as Value
}

/** Hands a value to the browser as a JSON file, named after what it is and today. */
export function saveJson(name: string, value: unknown): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(value, null, 2)], { type: 'application/json' }))
  const link = document.createElement('a')
  link.href = url
  link.download = `${name}-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.json`
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
