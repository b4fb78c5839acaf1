// reeve from Node.js, with nothing but Node.js: runs, their workers, and what happens to them.
'use strict';
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const { setTimeout: pause } = require('node:timers/promises');

// Named as reeved names it: NoSuchWorker, AlreadyActive, ...
class ReeveError extends Error {
  constructor(name, parameters) {
    super(JSON.stringify(parameters));
    this.name = name.split('.').pop();
    this.parameters = parameters;
  }
}

// What may be asked again if reeved was killed meanwhile. Of other calls that fail with ECONNRESET it
// is not known whether they were done: look, and decide.
const repeatable = /^(Get|Is|List|Count|Validate|Wait|Stop|Unregister)/;

class Reeve {
  constructor(path = process.env.REEVE_SOCKET ?? '/run/reeve/io.reeve.Registry') {
    this.path = path;
  }

  async call(method, parameters = {}) {
    try {
      for await (const reply of this.#replies({ method, parameters })) return reply;
    } catch (error) {
      if (!['ECONNRESET', 'EPIPE'].includes(error.code) || !repeatable.test(method)) throw error;
      return this.call(method, parameters);
    }
  }

  // What is, then what happens: for await (const event of reeve.subscribe({ run })) ...
  async *subscribe(parameters = {}) {
    const replies = this.#replies({ method: 'Subscribe', parameters, more: true });
    for await (const { event } of replies) yield event;
  }

  // A connection for each call: nobody waits behind somebody else's slow one, and none has to be
  // renewed when reeved restarts.
  async *#replies({ method, ...call }) {
    const socket = await this.#connect();
    try {
      socket.setEncoding('utf8');
      socket.write(JSON.stringify({ method: `io.reeve.Registry.${method}`, ...call }) + '\0');
      let rest = '';
      for await (const text of socket) {
        const messages = (rest + text).split('\0');
        rest = messages.pop();
        for (const message of messages) {
          const { error, parameters } = JSON.parse(message);
          if (error) throw new ReeveError(error, parameters);
          yield parameters;
        }
      }
      throw Object.assign(new Error('reeved closed the connection'), { code: 'ECONNRESET' });
    } finally {
      socket.destroy();
    }
  }

  // A reeved that restarts is soon there again.
  async #connect(attempts = 100) {
    try {
      const socket = net.connect(this.path);
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (attempts === 0 || !['ENOENT', 'ECONNREFUSED'].includes(error.code)) throw error;
      await pause(50);
      return this.#connect(attempts - 1);
    }
  }
}

// Everything in it ends with this process, however it ends.
class Run {
  static async open(reeve, options = {}) {
    const { run } = await reeve.call('OpenRun', options);
    return new Run(reeve, run.run);
  }

  constructor(reeve, id) {
    Object.assign(this, { reeve, id });
  }

  call(method, parameters = {}) {
    return this.reeve.call(method, { run: this.id, ...parameters });
  }

  // Whatever this process starts from here on is in the run from its first moment. So is this
  // process itself: what ends the run ends it.
  enter() {
    return this.call('EnterRun');
  }

  // As child_process.spawn, whose ChildProcess is the worker's `child`.
  async spawn(name, command, args = [], options = {}) {
    await this.call('Reserve', { worker: name });
    const child = spawn(command, args, options);
    try {
      await once(child, 'spawn');
      await this.call('Activate', { worker: name, process: { pid: child.pid } });
    } catch (error) {
      child.kill('SIGKILL');
      await this.call('Unregister', { worker: name });
      throw error;
    }
    return new Worker(this, name, child);
  }

  async workers() {
    return (await this.call('ListWorkers')).workers;
  }

  close() {
    return this.call('CloseRun');
  }
}

class Worker {
  constructor(run, name, child) {
    Object.assign(this, { run, name, child });
  }

  async #call(method, parameters) {
    const { worker } = await this.run.call(method, { worker: this.name, ...parameters });
    return worker;
  }

  info() {
    return this.#call('GetWorker');
  }

  // Resolves when all that it ever started is gone: by SIGTERM, or after this time.
  stop(graceUSec = 10_000_000) {
    return this.#call('Stop', { graceUSec });
  }

  // Resolves when it has exited, by itself or not; `exit` of what comes says how.
  wait() {
    return this.#call('Wait');
  }

  unregister() {
    return this.#call('Unregister');
  }
}

module.exports = { Reeve, ReeveError, Run, Worker };
