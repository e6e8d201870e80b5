import { Link } from '@tanstack/react-router'
import { Circle, CircleCheck } from 'lucide-react'
import type { ReactNode } from 'react'
import { useRights } from '../../session/session.ts'
import { buttonClass } from '../../ui/button.tsx'
import { Card } from '../../ui/page.tsx'

type FirstStepsProps = {
  hasEndpoint: boolean
  hasTest: boolean
  hasAnswer: boolean
  firstEndpointId: string | undefined
}

/** The first steps of a new tenant. Each step marks itself when it is done. */
export function FirstSteps({ hasEndpoint, hasTest, hasAnswer, firstEndpointId }: FirstStepsProps) {
  const { mayChange } = useRights()
  return (
    <Card title="Three steps to the first delivery">
      <ol>
        <Step
          isDone={hasEndpoint}
          title="Add an endpoint"
          action={
            mayChange && (
              <span className="flex flex-wrap gap-2 sm:justify-end">
                {!hasEndpoint && (
                  <Link to="/endpoints/new" search={{ receiver: 'built-in' }} className={buttonClass('plain')}>
                    Use the built-in receiver
                  </Link>
                )}
                <Link to="/endpoints/new" className={buttonClass(hasEndpoint ? 'plain' : 'primary')}>
                  Add endpoint
                </Link>
              </span>
            )
          }
        >
          An https URL of yours that takes POST requests, and which event types it wants. Without a server, take the
          built-in receiver.
        </Step>
        <Step
          isDone={hasTest}
          title="Send a test"
          action={
            mayChange &&
            hasEndpoint && (
              <Link
                to="/tester"
                search={firstEndpointId ? { endpoint: firstEndpointId } : {}}
                className={buttonClass(hasTest ? 'plain' : 'primary')}
              >
                Open tester
              </Link>
            )
          }
        >
          One event of the catalogue, sent at once. You see each step, down to the response.
        </Step>
        <Step
          isDone={hasAnswer}
          title="Verify the signature and answer 2xx"
          action={
            hasEndpoint &&
            firstEndpointId && (
              <Link
                to="/endpoints/$endpointId"
                params={{ endpointId: firstEndpointId }}
                className={buttonClass('plain')}
              >
                Show snippets
              </Link>
            )
          }
        >
          Check X-Sivo-Signature over the raw body, answer, and do the work afterwards.
        </Step>
      </ol>
    </Card>
  )
}

function Step({
  isDone,
  title,
  children,
  action,
}: {
  isDone: boolean
  title: string
  children: ReactNode
  action: ReactNode
}) {
  return (
    <li className="flex items-start gap-3 border-b border-line px-4 py-3 last:border-0 max-sm:flex-wrap">
      {isDone ? (
        <CircleCheck size={18} className="mt-0.5 text-good" aria-hidden />
      ) : (
        <Circle size={18} className="mt-0.5 text-ink-3" aria-hidden />
      )}
      <div className="min-w-0 flex-1 max-sm:basis-[calc(100%-2rem)]">
        <p className="font-medium">
          {title}
          <span className="sr-only">{isDone ? ', done' : ', to do'}</span>
        </p>
        <p className="text-ink-2">{children}</p>
      </div>
      {action && <div className="max-sm:pl-8">{action}</div>}
    </li>
  )
}
