// Generates types for the documents that tests and the console send to the API. A document stands as graphql(`…`) beside
// the code that sends it. Generating checks it against schema.graphql.

import type { CodegenConfig } from '@graphql-codegen/cli'

const typed = {
  documentMode: 'string',
  useTypeImports: true,
  enumsAsTypes: true,
  strictScalars: true,
  scalars: { DateTime: 'string', ID: 'string', JSON: 'unknown', SafeInt: 'number' },
} as const

const config: CodegenConfig = {
  schema: 'schema.graphql',
  importExtension: '.ts',
  generates: {
    'src/generated/gql/': {
      documents: ['test/**/*.ts'],
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: typed,
    },
    'packages/cli/src/gql/': {
      documents: ['packages/cli/src/**/*.ts', '!packages/cli/src/gql/**'],
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: typed,
    },
    'console/src/gql/': {
      documents: ['console/src/**/*.{ts,tsx}', '!console/src/gql/**'],
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: typed,
    },
  },
}

export default config
