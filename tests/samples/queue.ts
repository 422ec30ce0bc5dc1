/**
 * Offline edits of a shared document, replayed in order once the server can be reached again.
 */
import type { Socket } from './socket';
import { EventTarget } from 'event-target-shim';

export type EditId = string & { readonly brand: unique symbol };

/** What one person did to one paragraph. */
export interface Edit {
  readonly id: EditId;
  paragraph: number;
  text: string;
  at?: Date;
  /** Grows with every try. */
  tries: number;
}

export enum Verdict {
  Taken = 'taken',
  Conflict = 'conflict',
  Later = 'later',
}

interface Store<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): this;
  clear(): void;
}

declare global {
  interface Window {
    editQueue?: EditQueue;
  }
}

const MAX_TRIES = 5;
export const LABELS: Record<Verdict, string> = {
  [Verdict.Taken]: 'gespeichert',
  [Verdict.Conflict]: 'Jemand anderes hat diesen Absatz inzwischen geändert; bitte vergleichen Sie beide Fassungen in Ruhe 🙂',
  [Verdict.Later]: 'wird später gespeichert',
};

export const delayFor = (tries: number, random: () => number = Math.random): number =>
  Math.round(random() * Math.min(30_000, 250 * 2 ** tries));

function logged<This, Args extends unknown[], Return>(
  method: (this: This, ...args: Args) => Return,
  context: ClassMethodDecoratorContext<This, (this: This, ...args: Args) => Return>,
) {
  return function (this: This, ...args: Args): Return {
    console.debug(String(context.name), args);
    return method.call(this, ...args);
  };
}

export abstract class Queue<T extends { tries: number }> extends EventTarget {
  protected readonly waiting: T[] = [];
  static instances = 0;

  abstract send(item: T): Promise<Verdict>;

  get size(): number {
    return this.waiting.length;
  }

  push(item: T): void;
  push(item: T, place: number): void;
  push(item: T, place = this.waiting.length): void {
    this.waiting.splice(place, 0, item);
  }
}

/** Edits in the order they were made: a later one may rest on an earlier one. */
export class EditQueue extends Queue<Edit> {
  #conflicts: Edit[] = [];
  onConflict: ((edit: Edit) => void) | null = null;

  constructor(
    private readonly socket: Socket,
    private readonly store: Store<EditId, Edit> = new Map(),
    readonly größteLänge = 10_000,
  ) {
    super();
    Queue.instances += 1;
  }

  @logged
  async send(edit: Edit): Promise<Verdict> {
    if (edit.text.length > this.größteLänge) return Verdict.Conflict;
    const answer = await this.socket.request<{ verdict: Verdict }>('edit', { ...edit, at: edit.at?.toISOString() });
    return answer.verdict satisfies Verdict;
  }

  async drain(signal?: AbortSignal): Promise<number> {
    let taken = 0;
    for (let edit = this.waiting[0]; edit && !signal?.aborted; edit = this.waiting[0]) {
      const verdict = await this.send(edit).catch(() => Verdict.Later);
      switch (verdict) {
        case Verdict.Taken:
          this.waiting.shift();
          taken += 1;
          break;
        case Verdict.Later:
          edit.tries += 1;
          if (edit.tries >= MAX_TRIES) return taken;
          // eslint-disable-next-line no-await-in-loop -- the order of edits is the point
          await new Promise((resolve) => setTimeout(resolve, delayFor(edit.tries)));
          break;
        default:
          this.waiting.shift();
          this.#conflicts.push(edit);
          this.onConflict?.(edit);
      }
    }
    this.store.clear();
    return taken;
  }
}

export namespace Debug {
  export function dump(queue: EditQueue): string {
    return JSON.stringify({ size: queue.size }, null, 2);
  }
}

export default function connect(socket: Socket): EditQueue {
  const queue = new EditQueue(socket);
  window.editQueue = queue;
  return queue;
}
