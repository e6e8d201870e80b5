// The schema as a reference: type by type, from the three root types down.

import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type GraphQLType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isUnionType,
} from 'graphql'
import { ArrowLeft } from 'lucide-react'
import { useState } from 'react'
import { Button } from '../../ui/button.tsx'
import { TextInput } from '../../ui/field.tsx'

export function SchemaReference({ schema }: { schema: GraphQLSchema }) {
  const [path, setPath] = useState<readonly string[]>([])
  const [words, setWords] = useState('')
  const name = path.at(-1)
  const type = name ? schema.getType(name) : undefined
  const go = (next: string) => {
    setWords('')
    setPath((before) => [...before, next])
  }
  return (
    <div className="flex flex-col gap-3">
      <div className="flex items-center gap-2">
        {type && (
          <Button
            size="small"
            kind="quiet"
            icon={<ArrowLeft size={14} aria-hidden />}
            onClick={() => setPath((before) => before.slice(0, -1))}
          >
            Back
          </Button>
        )}
        <h3 className="font-mono font-semibold">{type?.name ?? 'Schema'}</h3>
      </div>
      {type ? (
        <TypeText schema={schema} type={type} onGo={go} />
      ) : (
        <>
          <TextInput
            aria-label="Search the schema"
            placeholder="Type or field"
            value={words}
            onChange={(event) => setWords(event.target.value)}
          />
          {words.trim() === '' ? (
            [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].map(
              (root) =>
                root && (
                  <section key={root.name}>
                    <h4 className="mb-1 font-semibold">{root.name}</h4>
                    <Fields fields={Object.values(root.getFields())} onGo={go} />
                  </section>
                ),
            )
          ) : (
            <Found schema={schema} words={words.trim().toLowerCase()} onGo={go} />
          )}
        </>
      )}
    </div>
  )
}

type GoProps = { onGo(name: string): void }

function Found({ schema, words, onGo }: GoProps & { schema: GraphQLSchema; words: string }) {
  const types = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith('__'))
  const hits = types.flatMap((type) => {
    const fields = isObjectType(type) || isInputObjectType(type) ? Object.keys(type.getFields()) : []
    const hit = [
      ...(type.name.toLowerCase().includes(words) ? [null] : []),
      ...fields.filter((field) => field.toLowerCase().includes(words)),
    ]
    return hit.map((field) => ({ type, field }))
  })
  if (hits.length === 0) return <p className="text-ink-3">Nothing by that name.</p>
  return (
    <ul>
      {hits.slice(0, 80).map(({ type, field }) => (
        <li key={`${type.name}.${field}`}>
          <button type="button" className="font-mono text-xs text-link hover:underline" onClick={() => onGo(type.name)}>
            {type.name}
            {field && `.${field}`}
          </button>
        </li>
      ))}
    </ul>
  )
}

function TypeText({ schema, type, onGo }: GoProps & { schema: GraphQLSchema; type: GraphQLNamedType }) {
  return (
    <div className="flex flex-col gap-3">
      {type.description && <p>{type.description}</p>}
      {(isObjectType(type) || isInterfaceType(type)) && <Fields fields={Object.values(type.getFields())} onGo={onGo} />}
      {isInputObjectType(type) && (
        <ul className="flex flex-col gap-2">
          {Object.values(type.getFields()).map((field) => (
            <li key={field.name}>
              <Signature name={field.name} type={field.type} onGo={onGo} />
              <Meaning text={field.description} />
            </li>
          ))}
        </ul>
      )}
      {isEnumType(type) && (
        <ul className="flex flex-col gap-2">
          {type.getValues().map(({ name, description }) => (
            <li key={name}>
              <code className="font-mono text-xs font-semibold">{name}</code>
              <Meaning text={description} />
            </li>
          ))}
        </ul>
      )}
      {isUnionType(type) && (
        <ul>
          {schema.getPossibleTypes(type).map(({ name }) => (
            <li key={name}>
              <TypeName name={name} text={name} onGo={onGo} />
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

function Fields({ fields, onGo }: GoProps & { fields: readonly GraphQLField<unknown, unknown>[] }) {
  return (
    <ul className="flex flex-col gap-2">
      {fields.map(({ name, args, type, description, deprecationReason }) => (
        <li key={name}>
          <Signature name={name} args={args} type={type} onGo={onGo} />
          <Meaning text={description} />
          {deprecationReason && <Meaning text={`Deprecated: ${deprecationReason}`} />}
        </li>
      ))}
    </ul>
  )
}

type SignatureProps = GoProps & { name: string; type: GraphQLType; args?: readonly GraphQLArgument[] }

function Signature({ name, type, args = [], onGo }: SignatureProps) {
  return (
    <code className="font-mono text-xs [overflow-wrap:anywhere]">
      <span className="font-semibold">{name}</span>
      {args.length > 0 && (
        <>
          (
          {args.map((arg, index) => (
            <span key={arg.name} title={arg.description ?? undefined}>
              {index > 0 && ', '}
              {arg.name}: <TypeName name={getNamedType(arg.type).name} text={String(arg.type)} onGo={onGo} />
            </span>
          ))}
          )
        </>
      )}
      : <TypeName name={getNamedType(type).name} text={String(type)} onGo={onGo} />
    </code>
  )
}

function TypeName({ name, text, onGo }: GoProps & { name: string; text: string }) {
  return (
    <button type="button" className="font-mono text-xs text-link hover:underline" onClick={() => onGo(name)}>
      {text}
    </button>
  )
}

function Meaning({ text }: { text: string | null | undefined }) {
  return text ? <p className="text-ink-2">{text}</p> : null
}
