// The same records for both stores over SQL.
export * from '../sqlite/records.ts'
