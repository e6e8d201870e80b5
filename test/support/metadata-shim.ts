// The three functions of the metadata proposal that @peculiar/x509's dependency asks for when it is loaded; import this
// file first.

const kept = new WeakMap<object, Map<unknown, unknown>>()
const read = (key: unknown, target: object) => kept.get(target)?.get(key)

if (!('getMetadata' in Reflect)) {
  Object.assign(Reflect, {
    getMetadata: read,
    getOwnMetadata: read,
    defineMetadata(key: unknown, value: unknown, target: object) {
      kept.set(target, (kept.get(target) ?? new Map()).set(key, value))
    },
  })
}
