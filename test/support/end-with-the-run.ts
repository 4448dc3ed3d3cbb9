/**
 * A setup file of every project. When vitest's main process is interrupted or killed, its workers go on by themselves as
 * long as a test has something open, and with them every server they started; the lost channel is the sign to end.
 * By SIGKILL, because vitest replaces process.exit() in workers; the guards clean up.
 */
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
