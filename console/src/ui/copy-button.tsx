import { Check, Copy } from 'lucide-react'
import { type ReactNode, useEffect, useState } from 'react'
import { Button, IconButton } from './button.tsx'
import { toast } from './toast.tsx'

/** Copies a text. Shows a message if that fails. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // Without TLS, browsers offer only the old way to copy.
    const area = document.createElement('textarea')
    area.value = text
    document.body.append(area)
    area.select()
    const copied = document.execCommand('copy')
    area.remove()
    if (!copied)
      toast({ tone: 'bad', title: 'The browser does not let this page copy. Select the text and copy it yourself.' })
    return copied
  }
}

type CopyProps = {
  text: string | (() => string)
  label: string
  children?: ReactNode
  size?: 'small' | 'normal'
  onCopied?: () => void
}

/** A button with its children as text, or an icon without children. `label` names what is copied. */
export function CopyButton({ text, label, children, size = 'small', onCopied }: CopyProps) {
  const [isDone, setDone] = useState(false)
  useEffect(() => {
    if (!isDone) return
    const timer = setTimeout(() => setDone(false), 1_500)
    return () => clearTimeout(timer)
  }, [isDone])
  const copy = async () => {
    const copied = await copyText(typeof text === 'function' ? text() : text)
    setDone(copied)
    if (copied) onCopied?.()
  }
  const icon = isDone ? <Check size={14} className="text-good" aria-hidden /> : <Copy size={14} aria-hidden />
  if (children)
    return (
      <Button size={size} icon={icon} onClick={copy}>
        {isDone ? 'Copied' : children}
      </Button>
    )
  return <IconButton size={size} label={isDone ? 'Copied' : label} icon={icon} onClick={copy} />
}
