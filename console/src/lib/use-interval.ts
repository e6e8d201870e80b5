import { useEffect, useRef } from 'react'

/** Runs something again and again while the component is shown and the tab is seen. */
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
