import { Dialog as Base } from '@base-ui/react/dialog'
import { X } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { Button, IconButton } from './button.tsx'
import { classes } from './classes.ts'
import { Field, TextInput } from './field.tsx'

type DialogProps = {
  isOpen: boolean
  onClose(): void
  title: string
  description?: ReactNode
  children?: ReactNode
  /** The buttons, the main one last. */
  footer?: ReactNode
  width?: 'narrow' | 'normal' | 'wide'
  /** Whether only its buttons close it, because it shows something that is never shown again. */
  isSticky?: boolean
}

const WIDTHS = { narrow: 'max-w-md', normal: 'max-w-xl', wide: 'max-w-4xl' }

export function Dialog({
  isOpen,
  onClose,
  title,
  description,
  children,
  footer,
  width = 'normal',
  isSticky = false,
}: DialogProps) {
  return (
    <Base.Root
      open={isOpen}
      onOpenChange={(open, { reason }) => {
        if (open || (isSticky && (reason === 'outside-press' || reason === 'escape-key'))) return
        onClose()
      }}
    >
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-[rgb(0_0_0/45%)]" />
        <Base.Popup
          className={classes(
            'fixed top-1/2 left-1/2 z-50 flex max-h-[88vh] w-[calc(100vw-32px)] -translate-x-1/2 -translate-y-1/2 flex-col rounded-lg border border-line bg-raised shadow-float outline-none',
            WIDTHS[width],
          )}
        >
          <header className="flex items-start gap-4 px-6 pt-5 pb-2">
            <div className="min-w-0 flex-1">
              <Base.Title className="text-base font-semibold">{title}</Base.Title>
              {description && <Base.Description className="mt-1 text-ink-2">{description}</Base.Description>}
            </div>
            <Base.Close render={<IconButton label="Close" icon={<X size={16} />} />} />
          </header>
          {children && <div className="min-h-0 overflow-y-auto px-6 py-2">{children}</div>}
          {footer && <footer className="flex flex-wrap justify-end gap-2 px-6 pt-3 pb-5">{footer}</footer>}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}

type ConfirmProps = {
  isOpen: boolean
  onClose(): void
  title: string
  description: ReactNode
  /** The action of the button, such as "Delete endpoint". */
  action: string
  isDangerous?: boolean
  isBusy?: boolean
  /** A text that must be typed first. */
  mustType?: string
  onConfirm(): void
}

/** Asks before an action that cannot be undone or concerns many things. */
export function ConfirmDialog({
  isOpen,
  onClose,
  title,
  description,
  action,
  isDangerous,
  isBusy,
  mustType,
  onConfirm,
}: ConfirmProps) {
  const [typed, setTyped] = useState('')
  const mayGo = mustType === undefined || typed.trim() === mustType
  return (
    <Dialog
      isOpen={isOpen}
      onClose={onClose}
      title={title}
      description={description}
      width="narrow"
      footer={
        <>
          <Button onClick={onClose}>Keep as it is</Button>
          <Button
            kind={isDangerous ? 'danger' : 'primary'}
            disabled={!mayGo}
            isBusy={isBusy ?? false}
            onClick={onConfirm}
          >
            {action}
          </Button>
        </>
      }
    >
      {mustType !== undefined && (
        <Field label={`Type “${mustType}” to go on`}>
          {(control) => <TextInput {...control} value={typed} onChange={(event) => setTyped(event.target.value)} />}
        </Field>
      )}
    </Dialog>
  )
}
