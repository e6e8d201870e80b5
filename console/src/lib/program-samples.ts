// A document with its variables as a program: in JavaScript and in Python, without packages. A subscription continues after a
// broken connection where it was.

export type Operation = {
  readonly url: string
  readonly document: string
  readonly variables: Readonly<Record<string, unknown>>
  readonly isSubscription: boolean
}

export function asJavaScript({ url, document, variables, isSubscription }: Operation): string {
  const literal = document.trim().replace(/[\\`]|\$\{/g, '\\$&')
  return `// Node 20 or newer. Save as sample.mjs, then: SIVO_KEY=… node sample.mjs
const url = ${JSON.stringify(url)}
const query = \`${literal}\`
const variables = ${JSON.stringify(variables, null, 2)}
${isSubscription ? JAVASCRIPT_STREAM : JAVASCRIPT_ONCE}`
}

const JAVASCRIPT_ONCE = `
const response = await fetch(url, {
  method: 'POST',
  headers: { authorization: \`Bearer \${process.env.SIVO_KEY}\`, 'content-type': 'application/json' },
  body: JSON.stringify({ query, variables }),
})
const { data, errors } = await response.json()
if (errors) throw new Error(errors.map(({ message }) => message).join('\\n'))
console.log(JSON.stringify(data, null, 2))
`

const JAVASCRIPT_STREAM = `
let lastId = null

/** Prints what comes until the stream ends or breaks. True: it is complete. */
async function follow() {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: \`Bearer \${process.env.SIVO_KEY}\`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
      ...(lastId && { 'last-event-id': lastId }),
    },
    body: JSON.stringify({ query, variables }),
  })
  if (response.status >= 500) throw new Error(\`HTTP \${response.status}\`)
  if (!response.ok) {
    console.error(await response.text())
    process.exit(1)
  }
  let text = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    const blocks = text.split('\\n\\n')
    text = blocks.pop()
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split('\\n').map((line) => line.split(/: ?(.*)/s)))
      if (fields.event === 'complete') return true
      if (fields.event === 'next') console.log(JSON.stringify(JSON.parse(fields.data), null, 2))
      if (fields.id) lastId = fields.id
    }
  }
  return false
}

for (let isComplete = false; !isComplete; ) {
  isComplete = await follow().catch((error) => console.error(String(error)))
  if (!isComplete) await new Promise((resolve) => setTimeout(resolve, 1000))
}
`

export function asPython({ url, document, variables, isSubscription }: Operation): string {
  return `# Python 3.9 or newer, no packages. Save as sample.py, then: SIVO_KEY=… python3 sample.py
import json
import os
${isSubscription ? 'import sys\nimport time\n' : ''}import urllib.error
import urllib.request

URL = ${JSON.stringify(url)}
QUERY = ${pythonText(document.trim())}
VARIABLES = json.loads(${pythonText(JSON.stringify(variables, null, 2))})
${isSubscription ? PYTHON_STREAM : PYTHON_ONCE}`
}

/** A literal over several lines where the text allows it. */
function pythonText(text: string): string {
  return /'''|\\|'$/.test(text) ? JSON.stringify(text) : `'''${text}'''`
}

const PYTHON_ONCE = `
request = urllib.request.Request(
    URL,
    data=json.dumps({"query": QUERY, "variables": VARIABLES}).encode(),
    headers={
        "authorization": "Bearer " + os.environ["SIVO_KEY"],
        "content-type": "application/json",
        "accept": "application/json",
    },
)
try:
    with urllib.request.urlopen(request, timeout=30) as response:
        answer = json.load(response)
except urllib.error.HTTPError as error:
    answer = json.load(error)
if answer.get("errors"):
    raise SystemExit("\\n".join(error["message"] for error in answer["errors"]))
print(json.dumps(answer["data"], indent=2))
`

const PYTHON_STREAM = `
last_id = None


def follow():
    """Prints what comes until the stream ends or breaks. True: it is complete."""
    global last_id
    headers = {
        "authorization": "Bearer " + os.environ["SIVO_KEY"],
        "content-type": "application/json",
        "accept": "text/event-stream",
    }
    if last_id:
        headers["last-event-id"] = last_id
    body = json.dumps({"query": QUERY, "variables": VARIABLES}).encode()
    event = None
    # The gateway sends something every 15 seconds at least.
    with urllib.request.urlopen(urllib.request.Request(URL, data=body, headers=headers), timeout=60) as lines:
        for line in lines:
            name, _, value = line.decode().rstrip("\\n").partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                event = value
                if event == "complete":
                    return True
            elif name == "data" and event == "next":
                print(json.dumps(json.loads(value), indent=2), flush=True)
            elif name == "id":
                last_id = value
    return False


while True:
    try:
        if follow():
            break
    except urllib.error.HTTPError as error:
        print(error.read().decode(), file=sys.stderr)
        if error.code < 500:
            sys.exit(1)
    except OSError as error:
        print(error, file=sys.stderr)
    time.sleep(1)
`
