/** What has to change so that what is wanted stands: pure. */
export type { Change, Consequence, Interruption, PlannedPort, Transition } from './change.js'
