import { int, type Session, text } from './driver.ts'

/**
 * The integer keys of organisations, connections and transports. Rows of these tables are never removed, so what was
 * read once stays true; only what a rolled-back transaction added has to be forgotten.
 */
export interface Names {
  findOrg(session: Session, id: string): number | undefined
  /** Adds it where it is new. */
  org(session: Session, id: string): number
  orgId(session: Session, oid: number): string
  findLane(session: Session, connectionId: string): number | undefined
  /** Adds name and lane where they are new: a delivery may name a connection that does not exist. */
  lane(session: Session, connectionId: string): number
  connectionId(session: Session, lid: number): string
  findTransport(session: Session, name: string): number | undefined
  transport(session: Session, name: string): number
  /** Call after each rollback. */
  forgetNew(): void
}

const MAX_KEPT = 200_000

export function createNames(): Names {
  const orgs = createIndex('org', 'oid', 'id', "(id, version) VALUES (?, '0')")
  const lanes = createIndex('name', 'lid', 'id', '(id) VALUES (?)')
  const transports = createIndex('transport', 'tid', 'name', '(name) VALUES (?)')
  return {
    findOrg: orgs.find,
    org: (session, id) => orgs.find(session, id) ?? orgs.add(session, id),
    orgId: orgs.name,
    findLane: lanes.find,
    lane(session, connectionId) {
      const known = lanes.find(session, connectionId)
      if (known !== undefined) return known
      const lid = lanes.add(session, connectionId)
      session.run('INSERT INTO signalbox_lane (lid) VALUES (?)', lid)
      return lid
    },
    connectionId: lanes.name,
    findTransport: transports.find,
    transport: (session, name) => transports.find(session, name) ?? transports.add(session, name),
    forgetNew() {
      for (const index of [orgs, lanes, transports]) index.forgetNew()
    },
  }
}

function createIndex(table: string, key: string, column: string, values: string) {
  const keys = new Map<string, number>()
  const names = new Map<number, string>()
  let added = false
  const find = `SELECT ${key} FROM signalbox_${table} WHERE ${column} = ?`
  const name = `SELECT ${column} FROM signalbox_${table} WHERE ${key} = ?`
  const add = `INSERT INTO signalbox_${table} ${values}`

  function keep(id: string, value: number): number {
    if (keys.size >= MAX_KEPT) forget()
    keys.set(id, value)
    names.set(value, id)
    return value
  }
  function forget(): void {
    keys.clear()
    names.clear()
    added = false
  }

  return {
    find(session: Session, id: string): number | undefined {
      const known = keys.get(id)
      if (known !== undefined) return known
      const row = session.get(find, id)
      return row && keep(id, int(row[0]))
    },
    add(session: Session, id: string): number {
      session.run(add, id)
      added = true
      return keep(id, int(session.get(find, id)?.[0]))
    },
    name(session: Session, value: number): string {
      const known = names.get(value)
      if (known !== undefined) return known
      const id = text(session.get(name, value)?.[0])
      keep(id, value)
      return id
    },
    forgetNew(): void {
      if (added) forget()
    },
  }
}
