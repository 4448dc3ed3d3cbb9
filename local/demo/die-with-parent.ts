/** Preloaded into the demo's worker: when the demo is killed so hard that it cannot end its worker, the worker ends itself. */
process.once('disconnect', () => process.exit(1))
// The channel alone must not keep a worker that has closed from exiting.
process.channel?.unref()
