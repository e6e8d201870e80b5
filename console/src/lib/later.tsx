// Code that is loaded after the first page: when it is shown, and all of it when the browser is idle after the sign-in. If the gateway does
// not answer, loading is tried again until it does, so that a click on something new never replaces what a person sees.

import { type ComponentType, lazy, type ReactNode, Suspense, useEffect } from 'react'
import { whenLive } from '../api/streams.ts'
import { Button } from '../ui/button.tsx'
import { Empty, LoadingRows } from '../ui/states.tsx'
import { createStore, useStore } from './store.ts'

const AGAIN_MS = 3_000

/** Whether the last attempt to load code failed. */
const failing = createStore(false)
const loads = new Set<() => Promise<unknown>>()

/**
 * A component whose code is loaded later. `load` gives its module, `name` is its export. Until it is there, `coming` is shown, or why it
 * does not come.
 */
export function later<Name extends string, Props extends object>(
  load: () => Promise<Record<Name, ComponentType<Props>>>,
  name: Name,
  coming: ReactNode = <LoadingRows />,
): (props: Props) => ReactNode {
  let found: ComponentType<Props> | null = null
  let loading: Promise<ComponentType<Props>> | null = null
  const loadOnce = () => {
    loading ??= untilLoaded(load).then((module) => {
      found = module[name]
      return found
    })
    return loading
  }
  loads.add(loadOnce)
  const Later = lazy(async () => ({ default: await loadOnce() }))
  // biome-ignore lint/correctness/noComponentHookFactories: called once for each component, when its module is loaded
  return function LoadedLater(props: Props) {
    // What is loaded is shown at once, without a moment of `coming`.
    const Component = found ?? Later
    return (
      <Suspense fallback={<Coming>{coming}</Coming>}>
        <Component {...props} />
      </Suspense>
    )
  }
}

/** Loads all code when the browser is idle. */
export function useAllCode(): void {
  useEffect(() => {
    const go = async () => {
      for (const load of loads) await load()
    }
    // Safari has no idle callback.
    if (typeof requestIdleCallback !== 'function') {
      const timer = setTimeout(go, 2_000)
      return () => clearTimeout(timer)
    }
    const handle = requestIdleCallback(() => void go(), { timeout: 10_000 })
    return () => cancelIdleCallback(handle)
  }, [])
}

async function untilLoaded<Module>(load: () => Promise<Module>): Promise<Module> {
  for (;;) {
    try {
      const module = await load()
      failing.set(false)
      return module
    } catch {
      failing.set(true)
      await Promise.race([whenLive(), new Promise((resolve) => setTimeout(resolve, AGAIN_MS))])
    }
  }
}

function Coming({ children }: { children: ReactNode }) {
  const isFailing = useStore(failing)
  if (!isFailing) return children
  return (
    <Empty title="The gateway does not answer" action={<Button onClick={() => location.reload()}>Reload</Button>}>
      This part of the console is not loaded yet. It opens by itself when the gateway answers. If the gateway was
      updated meanwhile, reload.
    </Empty>
  )
}
