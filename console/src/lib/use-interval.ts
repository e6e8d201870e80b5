import { useEffect, useRef } from 'react'

/** Calls a function at an interval while the component is mounted and the tab is visible. */
export function useInterval(run: () => void, everyMs: number): void {
  const latest = useRef(run)
  latest.current = run
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) latest.current()
    }, everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
}
