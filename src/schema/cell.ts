import type { CellState, CellStatus, ListedCell } from '../domain/access/cell-state.ts'
import { builder, OPERATORS } from './base/builder.ts'

const CellStatusEnum = builder.enumType('CellStatus', {
  description: 'Whether a cell can do its work now.',
  values: {
    READY: { description: 'Its `/ready` says that everything works.' },
    NOT_READY: {
      description:
        'Its `/ready` says that something does not work, or a proxy in front of it that none of its processes is ready.',
    },
    NOT_ASKED: { description: 'Its address was refused here, so no connection to it was tried.' },
    NO_CONNECTION: {
      description: 'No connection came to be: its name, its port or its certificate is wrong, or it does not run.',
    },
    NO_ANSWER: { description: 'Its `/ready` did not answer within two seconds, or broke the connection off.' },
    OTHER_ANSWER: { description: 'Something answered that is not the `/ready` of this cell.' },
  } satisfies Record<CellStatus, { description: string }>,
})

const CellStateType = builder.objectRef<CellState>('CellState').implement({
  description: 'How a cell was when it was last asked, at most five seconds ago.',
  fields: (t) => ({
    status: t.expose('status', { type: CellStatusEnum, description: 'Whether it can do its work.' }),
    failing: t.stringList({
      description:
        'The parts that do not work, as its `/ready` names them, such as `database: read-only`: at most 20. Empty unless `status` is NOT_READY.',
      resolve: ({ failing }) => [...failing],
    }),
    problem: t.exposeString('problem', {
      nullable: true,
      description: 'What was expected, what came, and what to do; null if `status` is READY or NOT_READY.',
    }),
    afterMs: t.exposeInt('afterMs', {
      nullable: true,
      description: 'How long the answer took, or the wait for one, in milliseconds; null if `status` is NOT_ASKED.',
    }),
  }),
})

const CellType = builder.objectRef<ListedCell>('Cell').implement({
  description: 'A cell: an installation of the gateway with a Postgres of its own.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name of the cell.' }),
    url: t.string({
      description: 'Where people reach the cell, without a slash at the end.',
      resolve: ({ url }, _args, { baseUrl }) => url ?? baseUrl,
    }),
    current: t.exposeBoolean('current', { description: 'Whether it is the cell that answers this request.' }),
    state: t.field({
      type: CellStateType,
      description:
        'How the cell is. The cell that answers this request asks the other ones, all at the same time, and waits for two seconds at most.',
      resolve: (cell) => cell.readState(),
    }),
  }),
})

builder.queryField('cells', (t) =>
  t.field({
    type: [CellType],
    description:
      'This cell and those that its setting `SIVO_CELL_URLS` names, by name. Empty if that is not set. For operators.',
    authScopes: { roles: OPERATORS },
    complexity: { field: 1, multiplier: 20 },
    resolve: (_root, _args, { cells = [] }) => cells,
  }),
)
