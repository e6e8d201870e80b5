import { useState } from 'react'
import { Code } from '../../ui/code.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { VERIFY_SAMPLES } from './verify-samples.ts'

const LANGUAGE_KEY = 'sivo.language'

/** How to check a signature, in the language that was chosen last. */
export function VerifySnippets() {
  const [language, setLanguage] = useState(
    () =>
      VERIFY_SAMPLES.find(({ language }) => language === localStorage.getItem(LANGUAGE_KEY))?.language ??
      VERIFY_SAMPLES[0]!.language,
  )
  const choose = (next: string) => {
    localStorage.setItem(LANGUAGE_KEY, next)
    setLanguage(next)
  }
  return (
    <div className="flex flex-col">
      <Tabs
        label="Language"
        inset="none"
        value={language}
        onChange={choose}
        tabs={VERIFY_SAMPLES.map(({ language, file, code }) => ({
          value: language,
          label: language,
          content: <Code className="mt-3" text={code} label={file} />,
        }))}
      />
      <p className="mt-2 text-ink-2">
        Check the bytes as they came: a body that was parsed and written again no longer fits its signature. Each
        request also carries the three Standard Webhooks headers, so any of their libraries can check it with the same
        secret.
      </p>
    </div>
  )
}
