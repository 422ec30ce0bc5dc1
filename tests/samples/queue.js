/**
 * Webhook queue: posts notifications to subscribers' addresses, politely.
 * @module webhooks/queue
 */
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * @typedef {object} Hook
 * @property {string} url where to post
 * @property {unknown} payload anything JSON can hold
 * @property {number} [expires] milliseconds since the epoch; never, when left out
 * @property {keyof typeof WEIGHTS} [priority]
 */

const WEIGHTS = Object.freeze({ interactive: 100, background: 10, digest: 1 });
const RETRYABLE = new Set([408, 425, 429, 500, 502, 503, 504]);

/** The delay before retry `n`, counted from 1: exponential, with full jitter. */
export const jittered = (base = 250, cap = 60_000, random = Math.random) => (n) =>
  Math.round(random() * Math.min(cap, base * 2 ** n));

/** Said of a hook that will not be posted again. */
export class UndeliverableError extends Error {
  name = 'UndeliverableError';

  constructor(hook, reason, options) {
    super(`${hook.url}: ${reason}`, options);
    this.hook = hook;
  }
}

/**
 * Emits `sent` with a hook, and `undeliverable` with an {@link UndeliverableError}.
 */
export class WebhookQueue extends EventEmitter {
  #pending = [];
  #closed = false;
  #graveyard = [];
  #stats = { sent: 0, retried: 0, undeliverable: 0 };

  constructor({ fetch = globalThis.fetch, delay = jittered(), maxRetries = 5, now = Date.now } = {}) {
    super();
    Object.assign(this, { fetch, delay, maxRetries, now });
  }

  get stats() {
    return { ...this.#stats, pending: this.#pending.length };
  }

  /** Iterates over the errors of undeliverable hooks, the latest first. */
  *[Symbol.iterator]() {
    yield* this.#graveyard.toReversed();
  }

  /** @param {Hook} hook */
  push({ priority = 'background', expires = Infinity, ...rest }) {
    if (!(priority in WEIGHTS)) throw new RangeError(`unknown priority: ${priority}`);
    this.#pending.push({ ...rest, priority, expires, due: this.now(), retries: 0 });
    this.emit('wake');
  }

  close() {
    this.#closed = true;
    this.emit('wake');
  }

  #bury(hook, reason, cause) {
    const error = new UndeliverableError(hook, reason, { cause });
    this.#graveyard.push(error);
    this.#stats.undeliverable += 1;
    this.emit('undeliverable', error);
  }

  /** Posts hooks until the queue is closed and nothing is pending. */
  async run() {
    while (!this.#closed || this.#pending.length > 0) {
      const now = this.now();
      const ready = this.#pending.filter((hook) => hook.due <= now);
      if (ready.length === 0) {
        const nap = new AbortController();
        const { signal } = nap;
        const soonest = Math.min(...this.#pending.map((hook) => hook.due));
        const waits = [once(this, 'wake', { signal })];
        if (Number.isFinite(soonest)) waits.push(sleep(soonest - now, undefined, { signal }));
        await Promise.race(waits);
        nap.abort();
        await Promise.allSettled(waits);
        continue;
      }
      const score = (hook) => WEIGHTS[hook.priority] + (now - hook.due) / 1000;
      const hook = ready.reduce((best, other) => (score(other) > score(best) ? other : best));
      this.#pending.splice(this.#pending.indexOf(hook), 1);
      if (hook.expires < now) {
        this.#bury(hook, `périmé depuis ${now - hook.expires} ms ⏳`);
        continue;
      }
      let trouble;
      try {
        const body = JSON.stringify(hook.payload);
        const headers = { 'content-type': 'application/json', 'x-attempt': String(hook.retries + 1) };
        const answer = await this.fetch(hook.url, { method: 'POST', headers, body });
        if (answer.ok) {
          this.#stats.sent += 1;
          this.emit('sent', hook);
          continue;
        }
        trouble = { final: !RETRYABLE.has(answer.status), reason: `status ${answer.status}` };
      } catch (cause) {
        trouble = { final: cause instanceof RangeError, reason: 'no answer', cause };
      }
      if (trouble.final || hook.retries >= this.maxRetries) {
        this.#bury(hook, trouble.reason, trouble.cause);
      } else {
        const retries = hook.retries + 1;
        this.#pending.push({ ...hook, retries, due: now + this.delay(retries) });
        this.#stats.retried += 1;
      }
    }
  }
}
