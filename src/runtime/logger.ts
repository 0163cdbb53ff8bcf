import type { Logger } from '../contracts/clock.ts'

const silent = (): void => {}

export const silentLogger: Logger = { debug: silent, info: silent, warn: silent, error: silent }
