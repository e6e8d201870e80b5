// A table of any length that scrolls smoothly: the page holds only the visible rows. j and k move between rows, Enter
// opens one. Rows have ids, so a row that changes keeps its position, its focus and its selection. Where columns do not fit, on a phone
// or beside a panel, a row is shown as two lines.

import { type ColumnDef, rowSelectionFeature, tableFeatures, useTable } from '@tanstack/react-table'
import { useVirtualizer } from '@tanstack/react-virtual'
import { memo, type ReactNode, type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { useShortcut } from '../lib/keyboard.ts'
import { classes } from './classes.ts'

type NarrowPlace = 'title' | 'end' | 'detail' | 'state'

export type Column<Row> = {
  readonly id: string
  readonly header: ReactNode
  /** The text of the header for screen readers, if the header is not a text. */
  readonly headerLabel?: string
  /** The width in pixels. A column without a width takes the remaining space. */
  readonly width?: number
  /** The minimum width of a column without a width. Columns with a rank are hidden before it gets narrower. */
  readonly least?: number
  readonly align?: 'left' | 'right'
  /** The rank. If space is short, columns with a rank are hidden, the highest rank first. */
  readonly rank?: number
  /** The place in a row of two lines: title and end above, detail and state below. Columns without a place are left out there. */
  readonly narrow?: NarrowPlace
  /** A word before the value in a row of two lines. */
  readonly narrowLabel?: string
  /** Whether the others of its line give way, so that it is never cut. */
  readonly narrowIsWhole?: boolean
  cell(row: Row): ReactNode
  /** The value in a row of two lines, if it is another one there. */
  narrowCell?(row: Row): ReactNode
}

type TableProps<Row extends { readonly id: string }> = {
  label: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  /** Opens a row. With it, rows react to clicks, j and k. */
  onOpen?: (row: Row) => void
  /** The open row. */
  openId?: string | null | undefined
  /** The ids of selected rows. Without it there are no checkboxes. */
  selection?: ReadonlySet<string>
  onSelect?: (selection: ReadonlySet<string>) => void
  hasMore?: boolean
  isLoadingMore?: boolean
  onMore?: () => void
  /** Called with the scroll position, for lists that stop while a person reads. */
  onScroll?: (top: number) => void
  /** Whether to show a row dimmer than the others. */
  isDim?: (row: Row) => boolean
  /** Content under the last row. */
  footer?: ReactNode
  /** Whether to mark new rows for a moment. */
  arrives?: boolean
  className?: string
  rowHeight?: number
  /** The height of rows of two lines. */
  narrowRowHeight?: number
}

const features = tableFeatures({ rowSelectionFeature })
const idOf = (row: { readonly id: string }) => row.id

const LEAST_WIDTH = 150
/** Tables that are narrower show rows of two lines, if their columns have places there. */
const NARROW_WIDTH = 560
const NARROW_ROW_HEIGHT = 60

function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(Number.POSITIVE_INFINITY)
  useLayoutEffect(() => {
    const { current } = element
    if (!current) return
    const measure = () => setWidth(current.clientWidth)
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(current)
    return () => observer.disconnect()
  }, [element])
  return width
}

function fitting<Row>(columns: readonly Column<Row>[], width: number): readonly Column<Row>[] {
  const needs = (some: readonly Column<Row>[]) =>
    some.reduce((sum, { width, least }) => sum + (width ?? least ?? LEAST_WIDTH), 0)
  let kept = columns
  while (needs(kept) > width) {
    const highest = Math.max(...kept.map(({ rank }) => rank ?? 0))
    if (highest <= 0) break
    kept = kept.filter(({ rank }) => rank !== highest)
  }
  return kept
}

export function DataTable<Row extends { readonly id: string }>({
  label,
  columns: allColumns,
  rows,
  onOpen,
  openId,
  selection,
  onSelect,
  hasMore = false,
  isLoadingMore = false,
  onMore,
  onScroll,
  isDim,
  footer,
  arrives = false,
  className,
  rowHeight: wideRowHeight = 36,
  narrowRowHeight = NARROW_ROW_HEIGHT,
}: TableProps<Row>) {
  const scroller = useRef<HTMLDivElement>(null)
  const [activeId, setActiveId] = useState<string | null>(null)
  const isSelectable = selection !== undefined && onSelect !== undefined
  const width = useWidth(scroller)
  const isNarrow = width < NARROW_WIDTH && allColumns.some(({ narrow }) => narrow)
  const columns = useMemo(
    () => (isNarrow ? allColumns : fitting(allColumns, width - (isSelectable ? 36 : 0))),
    [allColumns, width, isSelectable, isNarrow],
  )
  const rowHeight = isNarrow ? narrowRowHeight : wideRowHeight

  const definitions = useMemo(
    () =>
      columns.map(
        (column): ColumnDef<typeof features, Row> => ({
          id: column.id,
          header: () => column.header,
          cell: ({ row }) => column.cell(row.original),
        }),
      ),
    [columns],
  )
  const table = useTable({
    features,
    columns: definitions,
    data: rows as Row[],
    getRowId: idOf,
    state: {
      rowSelection: useMemo(
        () => Object.fromEntries([...(selection ?? [])].map((id) => [id, true as const])),
        [selection],
      ),
    },
    onRowSelectionChange: () => {},
  })
  const model = table.getRowModel().rows

  const virtualizer = useVirtualizer({
    count: model.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => model[index]?.id ?? index,
    overscan: 12,
    initialRect: { width: 1200, height: 800 },
    scrollMargin: 0,
    scrollPaddingStart: 36,
  })
  const items = virtualizer.getVirtualItems()
  const before = items[0]?.start ?? 0
  const after = Math.max(0, virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0))

  // Load the next page before the reader reaches its position.
  const lastShown = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (hasMore && !isLoadingMore && lastShown >= model.length - 20) onMore?.()
  }, [hasMore, isLoadingMore, lastShown, model.length, onMore])

  const move = (by: number) => {
    const from = model.findIndex(({ id }) => id === (activeId ?? openId))
    const to = Math.min(model.length - 1, Math.max(0, from < 0 ? 0 : from + by))
    const row = model[to]
    if (!row) return
    setActiveId(row.id)
    virtualizer.scrollToIndex(to, { align: 'auto' })
    requestAnimationFrame(() =>
      scroller.current
        ?.querySelector<HTMLElement>(`tr[data-id="${CSS.escape(row.id)}"]`)
        ?.focus({ preventScroll: true }),
    )
    if (openId && onOpen) onOpen(row.original)
  }
  useShortcut(onOpen ? { keys: 'j', does: 'Next row', group: 'Lists' } : null, () => move(1))
  useShortcut(onOpen ? { keys: 'k', does: 'Previous row', group: 'Lists' } : null, () => move(-1))
  useShortcut(onOpen ? { keys: 'Enter', does: 'Open the row', group: 'Lists' } : null, () => {
    const row = model.find(({ id }) => id === activeId)
    if (row) onOpen?.(row.original)
  })

  const toggle = (id: string) => {
    const next = new Set(selection)
    if (!next.delete(id)) next.add(id)
    onSelect?.(next)
  }
  // The rows of the first render are not new.
  const known = useRef<{ ids: Set<string>; fresh: Set<string> } | null>(null)
  if (arrives) {
    known.current ??= { ids: new Set(rows.map(idOf)), fresh: new Set() }
    for (const { id } of rows.slice(0, 40)) {
      if (known.current.ids.has(id)) continue
      known.current.ids.add(id)
      known.current.fresh.add(id)
    }
  }
  const actions = useRef<RowActions<Row>>(null)
  actions.current = { open: onOpen, toggle, focus: setActiveId }
  const isAllSelected = isSelectable && rows.length > 0 && rows.every(({ id }) => selection.has(id))

  return (
    <div
      ref={scroller}
      onScroll={(event) => onScroll?.(event.currentTarget.scrollTop)}
      className={classes('relative min-h-0 flex-1 overflow-auto rounded-lg border border-line bg-surface', className)}
    >
      <table
        aria-label={label}
        aria-rowcount={hasMore ? -1 : rows.length + 1}
        className="w-full table-fixed border-separate border-spacing-0"
      >
        <colgroup>
          {isSelectable && <col className="w-9" />}
          {isNarrow ? <col /> : columns.map(({ id, width }) => <col key={id} style={width ? { width } : undefined} />)}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {isSelectable && (
              <th scope="col" className="sticky top-0 z-10 border-b border-line bg-surface px-2 text-left">
                <input
                  type="checkbox"
                  aria-label="Select all that are loaded"
                  className="block size-4 accent-(--accent)"
                  checked={isAllSelected}
                  ref={(box) => {
                    if (box) box.indeterminate = !isAllSelected && selection.size > 0
                  }}
                  onChange={() => onSelect(isAllSelected ? new Set() : new Set(rows.map(idOf)))}
                />
              </th>
            )}
            {isNarrow && (
              <th
                scope="col"
                className="sticky top-0 z-10 h-9 border-b border-line bg-surface px-3 text-left text-xs font-medium text-ink-3"
              >
                {label}
              </th>
            )}
            {(isNarrow ? [] : columns).map(({ id, header, headerLabel, align }) => (
              <th
                key={id}
                scope="col"
                aria-label={headerLabel}
                className={classes(
                  'sticky top-0 z-10 h-9 truncate border-b border-line bg-surface px-3 text-xs font-medium text-ink-3',
                  align === 'right' ? 'text-right' : 'text-left',
                )}
              >
                {header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {before > 0 && (
            <tr aria-hidden>
              <td style={{ height: before }} />
            </tr>
          )}
          {items.map(({ index }) => {
            const row = model[index]
            if (!row) return null
            return (
              <TableRow
                key={row.id}
                row={row.original}
                columns={columns}
                index={index}
                height={rowHeight}
                isNarrow={isNarrow}
                isReachable={row.id === activeId || (activeId === null && index === 0)}
                isOpenable={onOpen !== undefined}
                isOpen={row.id === openId}
                isSelected={isSelectable ? selection.has(row.id) : null}
                isFresh={arrives && (known.current?.fresh.has(row.id) ?? false)}
                isDim={isDim?.(row.original) ?? false}
                actions={actions}
              />
            )
          })}
          {after > 0 && (
            <tr aria-hidden>
              <td style={{ height: after }} />
            </tr>
          )}
        </tbody>
      </table>
      {isLoadingMore && (
        <p role="status" className="p-3 text-center text-ink-3">
          Loading more …
        </p>
      )}
      {footer}
    </div>
  )
}

type RowActions<Row> = {
  open: ((row: Row) => void) | undefined
  toggle(id: string): void
  focus(id: string): void
}

type TableRowProps<Row extends { readonly id: string }> = {
  row: Row
  columns: readonly Column<Row>[]
  index: number
  height: number
  isNarrow: boolean
  isReachable: boolean
  isOpenable: boolean
  isOpen: boolean
  /** null if rows cannot be selected. */
  isSelected: boolean | null
  isFresh: boolean
  isDim: boolean
  actions: RefObject<RowActions<Row> | null>
}

/** Rendered again only if the row itself changed, not on scrolling. */
const TableRow = memo(function TableRow<Row extends { readonly id: string }>({
  row,
  columns,
  index,
  height,
  isNarrow,
  isReachable,
  isOpenable,
  isOpen,
  isSelected,
  isFresh,
  isDim,
  actions,
}: TableRowProps<Row>) {
  const { id } = row
  return (
    <tr
      data-id={id}
      aria-rowindex={index + 2}
      aria-current={isOpen || undefined}
      tabIndex={isOpenable ? (isReachable ? 0 : -1) : undefined}
      onFocus={() => actions.current?.focus(id)}
      onClick={(event) => {
        if ((event.target as HTMLElement).closest('a, button, input, label')) return
        if (getSelection()?.toString()) return
        actions.current?.focus(id)
        actions.current?.open?.(row)
      }}
      className={classes(
        'group outline-offset-[-2px]',
        isOpenable && 'cursor-pointer hover:bg-hover',
        isOpen && 'bg-selected hover:bg-selected',
        isFresh && 'arrived',
        isDim && 'opacity-60',
      )}
      style={{ height }}
    >
      {isSelected !== null && (
        <td className="border-b border-line px-2">
          <input
            type="checkbox"
            aria-label={`Select ${id}`}
            className="block size-4 accent-(--accent)"
            checked={isSelected}
            onChange={() => actions.current?.toggle(id)}
          />
        </td>
      )}
      {isNarrow && (
        <td className="border-b border-line px-3 py-1.5">
          <div className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 gap-y-0.5">
            <NarrowPart place="title" row={row} columns={columns} />
            <NarrowPart place="end" row={row} columns={columns} />
            <NarrowPart place="detail" row={row} columns={columns} />
            <NarrowPart place="state" row={row} columns={columns} />
          </div>
        </td>
      )}
      {(isNarrow ? [] : columns).map((column) => (
        <td
          key={column.id}
          className={classes(
            'truncate border-b border-line px-3',
            column.align === 'right' && 'text-right tabular-nums',
          )}
        >
          {column.cell(row)}
        </td>
      ))}
    </tr>
  )
}) as <Row extends { readonly id: string }>(props: TableRowProps<Row>) => ReactNode

type NarrowPartProps<Row> = { place: NarrowPlace; row: Row; columns: readonly Column<Row>[] }

/** What a place of a row of two lines shows: one column, or several side by side. */
function NarrowPart<Row>({ place, row, columns }: NarrowPartProps<Row>) {
  const isRight = place === 'end' || place === 'state'
  return (
    <div className={classes('flex min-w-0 items-center gap-x-3 tabular-nums', isRight && 'justify-end')}>
      {columns
        .filter(({ narrow }) => narrow === place)
        .map((column) => (
          <div
            key={column.id}
            className={classes(
              column.narrowIsWhole ? 'shrink-0' : 'min-w-0 truncate',
              column.narrowLabel && 'flex items-baseline gap-1.5',
            )}
          >
            {column.narrowLabel && <span className="text-xs text-ink-3">{column.narrowLabel}</span>}
            {column.narrowCell ? column.narrowCell(row) : column.cell(row)}
          </div>
        ))}
    </div>
  )
}
