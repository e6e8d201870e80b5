import { defineConfig } from 'prisma/config'

// Prisma's commands would download a schema engine, which closed networks do not allow. `generate`, `validate` and
// `format` only ask that there is one: any executable will do. Migrations are applied by src/database/migrate.ts.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
})
