// Loaded into `cells move` by the drill. It stops or kills the process itself when the process has said the step, so that no step
// is over before the signal comes.

const { SIVO_DRILL_STEP: step, SIVO_DRILL_SIGNAL: signal, SIVO_DRILL_AFTER_MS: afterMs } = process.env

const write = process.stdout.write.bind(process.stdout)
let waits = true

process.stdout.write = ((...args: Parameters<typeof write>) => {
  const written = write(...args)
  if (waits && String(args[0]).trim() === step) {
    waits = false
    const end = () => process.kill(process.pid, signal as NodeJS.Signals)
    if (Number(afterMs) > 0) setTimeout(end, Number(afterMs))
    else end()
  }
  return written
}) as typeof process.stdout.write
