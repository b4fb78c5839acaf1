// reeve.js on a real reeved, with real processes. Run by ../with_reeved.sh.
'use strict';
const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const test = require('node:test');
const { Reeve, Run } = require('./reeve.js');

const reeve = new Reeve();

// A run that is closed after the test.
const inRun = (body) => async () => {
  const run = await Run.open(reeve, { name: 'test' });
  try {
    await body(run);
  } finally {
    await run.close();
  }
};

async function until(events, kind) {
  for await (const event of events) if (event.kind === kind) return event;
}

test('a worker is spawned, contained and stopped with all that it started', inRun(async (run) => {
  const worker = await run.spawn('w', 'sh', ['-c', 'setsid sleep 1000 & echo $!; wait'],
                                 { stdio: ['ignore', 'pipe', 'ignore'] });
  const { state, process: { pid }, controlGroup } = await worker.info();
  assert.strictEqual(state, 'active');
  assert.strictEqual(pid, worker.child.pid);
  const [sleeper] = await once(worker.child.stdout, 'data');
  assert.ok(fs.readFileSync(`/proc/${String(sleeper).trim()}/cgroup`, 'utf8').includes(controlGroup));
  assert.strictEqual((await worker.stop()).state, 'exited');
  assert.ok(!fs.existsSync(`/proc/${pid}/cgroup`) || !isAlive(pid));
  assert.ok(!isAlive(String(sleeper).trim()));
}));

test('how a worker ended is told to who waits, while other calls go on', inRun(async (run) => {
  const worker = await run.spawn('w', 'sh', ['-c', 'read line; exit 3']);
  const ended = worker.wait();
  assert.deepStrictEqual((await run.workers()).map((each) => each.worker), ['w']);
  worker.child.stdin.end('\n');
  assert.strictEqual((await ended).state, 'exited');
}));

test('events come as they happen, after those of the present', inRun(async (run) => {
  const events = reeve.subscribe({ run: run.id });
  assert.strictEqual((await events.next()).value.kind, 'runOpened');
  const worker = await run.spawn('w', 'sleep', ['1000']);
  assert.strictEqual((await events.next()).value.kind, 'reserved');
  assert.strictEqual((await events.next()).value.worker.process.pid, worker.child.pid);
  worker.child.kill('SIGKILL');
  assert.strictEqual((await events.next()).value.kind, 'exited');
  assert.strictEqual((await events.next()).value.kind, 'reaped');
  await events.return();
}));

test('what is refused is an error with its name', inRun(async (run) => {
  await run.spawn('w', 'sleep', ['1000']);
  await assert.rejects(run.spawn('w', 'sleep', ['1000']), { name: 'AlreadyActive' });
  await assert.rejects(run.call('GetWorker', { worker: 'none' }), { name: 'NoSuchWorker' });
}));

test('a program that does not exist leaves no reservation', inRun(async (run) => {
  await assert.rejects(run.spawn('w', '/nowhere'), { code: 'ENOENT' });
  assert.deepStrictEqual(await run.workers(), []);
}));

test('a restart of reeved loses nothing', inRun(async (run) => {
  const worker = await run.spawn('w', 'sleep', ['1000']);
  const events = reeve.subscribe({ run: run.id });
  await events.next();
  fs.writeFileSync(`${process.env.REEVED_GROUP}/cgroup.kill`, '1');
  await assert.rejects(until(events, 'gap'));
  assert.strictEqual((await worker.info()).process.pid, worker.child.pid);
  const adopted = reeve.subscribe({ run: run.id });
  worker.child.kill('SIGKILL');
  assert.strictEqual((await until(adopted, 'exited')).worker.worker, 'w');
}));

const application = `
  const { Reeve, Run } = require('./reeve.js');
  (async () => {
    const run = await Run.open(new Reeve(), { name: 'application' });
    await run.enter();
    await run.spawn('w', 'sleep', ['1000']);
    require('node:child_process').spawn('sleep', ['1000']);  // of no worker
    console.log(run.id);
  })()`;

test('who is killed takes along its run, and what it started after entering it', async (t) => {
  const owner = spawn(process.execPath, ['-e', application], { cwd: __dirname });
  t.after(() => owner.kill('SIGKILL'));
  const run = String(await once(owner.stdout, 'data')).trim();
  const events = reeve.subscribe({ run });
  await events.next();
  owner.kill('SIGKILL');
  const { report } = await until(events, 'runClosed');
  assert.ok(report.processesKilled >= 2, `only ${report.processesKilled} were killed`);
});

function isAlive(pid) {
  try {
    return !/^State:\tZ/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
