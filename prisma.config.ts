import { defineConfig } from 'prisma/config'

// Prisma's commands would download a schema engine, which closed networks do not allow. `generate`, `validate` and
// `format` only check that an executable exists, so any will do. src/database/migrate.ts applies the migrations.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
})
