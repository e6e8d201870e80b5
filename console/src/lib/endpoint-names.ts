/** What endpoints are called where one is chosen: by their name, and by their address too if another one has the same name. */
export function namesApart(endpoints: readonly { readonly name: string; readonly url: string }[]) {
  const count = new Map<string, number>()
  for (const { name } of endpoints) count.set(name, (count.get(name) ?? 0) + 1)
  return ({ name, url }: { readonly name: string; readonly url: string }): string =>
    (count.get(name) ?? 0) > 1 ? `${name} (${url.replace(/^https:\/\//, '')})` : name
}
