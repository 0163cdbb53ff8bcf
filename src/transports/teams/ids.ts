/** Longest id and name that a connection keeps; Microsoft's are shorter. */
export const MAX_ID_LENGTH = 256
export const MAX_NAME_LENGTH = 256

/** Whether it can stand in a path as one segment: encoding leaves `.` and `..` as they are, and those mean others. */
export function isId(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_ID_LENGTH) return false
  return value !== '.' && value !== '..' && value.isWellFormed() && !/\p{Cc}/u.test(value)
}
