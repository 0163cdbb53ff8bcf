/** What a test message says, on every transport. */
export const TEST_TITLE = 'Test notification'
export const TEST_BODY = 'This is a test. If you can read it, notifications arrive here.'
