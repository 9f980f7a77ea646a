/** Loaded into an app before its program: steps the clock of the process at each SIGUSR2, by turns. */
const STEPS_MS = [2 * 3600_000, -24 * 3600_000];

const SystemDate = Date;
let steps = 0;
let shiftMs = 0;
const now = () => SystemDate.now() + shiftMs;

globalThis.Date = new Proxy(SystemDate, {
  construct: (target, args: unknown[]) => Reflect.construct(target, args.length > 0 ? args : [now()]) as Date,
  get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
});
process.on('SIGUSR2', () => {
  shiftMs += STEPS_MS[steps++ % STEPS_MS.length] ?? 0;
  process.stderr.write(`the clock steps by ${shiftMs / 3600_000} h in all\n`);
});
