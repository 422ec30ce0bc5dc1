<?php

declare(strict_types=1);

namespace Shop\Newsletter;

use Closure;
use Countable;
use InvalidArgumentException;
use Psr\Log\LoggerInterface;
use Throwable;

const DEFAULT_BATCH = 50;

/** How a newsletter left the queue, or that it has not. */
enum State: string
{
    case Waiting = 'waiting';
    case Sent = 'sent';
    case Bounced = 'bounced';

    public function isFinal(): bool
    {
        return $this !== self::Waiting;
    }
}

interface Mailer
{
    /** @throws TemporaryFailure when it is worth trying again */
    public function deliver(Letter $letter): void;
}

final class TemporaryFailure extends \RuntimeException
{
}

trait CountsTries
{
    private int $tries = 0;

    public function tries(): int
    {
        return $this->tries;
    }
}

/**
 * One letter to one subscriber.
 *
 * @property-read string $address
 */
final class Letter
{
    use CountsTries;

    public State $state = State::Waiting;

    public function __construct(
        public readonly string $address,
        public readonly string $subject,
        public int $due = 0,
    ) {
        if (!filter_var($address, FILTER_VALIDATE_EMAIL, FILTER_FLAG_EMAIL_UNICODE)) {
            throw new InvalidArgumentException("not an address: {$address}");
        }
    }

    public function tried(int $next): static
    {
        $copy = clone $this;
        $copy->tries++;
        $copy->due = $next;

        return $copy;
    }
}

#[\Attribute(\Attribute::TARGET_CLASS)]
final class Queue implements Countable
{
    public const MAX_TRIES = 5;
    private const GREETING = 'Grüße aus Köln — und bis zum nächsten Mal, wenn es wieder heißt: »Was gibt es Neues im Laden?«';

    /** @var list<Letter> */
    private array $letters = [];

    public function __construct(
        private readonly Mailer $mailer,
        private readonly LoggerInterface $log,
        private readonly ?Closure $clock = null,
    ) {
    }

    public function push(string $address, string $subject = self::GREETING): Letter
    {
        return $this->letters[] = new Letter($address, $subject, $this->now());
    }

    public function count(): int
    {
        return count(array_filter($this->letters, fn (Letter $letter) => !$letter->state->isFinal()));
    }

    /** Send what is due, at most `$batch` letters; return how many were sent. */
    public function run(int $batch = DEFAULT_BATCH): int
    {
        $sent = 0;
        foreach ($this->letters as $place => $letter) {
            if ($sent >= $batch || $letter->state->isFinal() || $letter->due > $this->now()) {
                continue;
            }
            try {
                $this->mailer->deliver($letter);
                $letter->state = State::Sent;
                $sent++;
            } catch (TemporaryFailure $failure) {
                $this->letters[$place] = $this->again($letter, $failure);
            } catch (Throwable $error) {
                $letter->state = State::Bounced;
                $this->log->error($error->getMessage(), ['address' => $letter->address]);
            }
        }

        return $sent;
    }

    // Waits double; after the last one the address counts as gone.
    private function again(Letter $letter, TemporaryFailure $failure): Letter
    {
        if ($letter->tries() + 1 >= self::MAX_TRIES) {
            $letter->state = State::Bounced;

            return $letter;
        }

        return $letter->tried($this->now() + 60 * 2 ** $letter->tries());
    }

    private function now(): int
    {
        return $this->clock ? ($this->clock)() : time();
    }
}

function remaining(Queue $queue): string
{
    return sprintf('%d letters wait', count($queue));
}
