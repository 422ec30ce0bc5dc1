package org.example.freight;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.concurrent.TimeoutException;
import java.util.function.IntFunction;

/**
 * A queue of consignments for one haulier, polled by a scheduler.
 *
 * <p>Instances are confined to a single thread.
 *
 * @param <C> the type of the cargo
 */
public final class Queue<C> {
    /** The tariff a consignment travels under, the dearest first. */
    public enum Tariff {
        OVERNIGHT(3),
        GROUND(6),
        SEA(12);

        private final int patience;

        Tariff(int patience) {
            this.patience = patience;
        }
    }

    /** How a consignment ended, or that it has not. */
    public enum Fate { ARRIVED, DEFERRED, OVERDUE, REFUSED, ABANDONED }

    /** Carries cargo. A {@link TimeoutException} is worth another trip; an illegal argument is not. */
    @FunctionalInterface
    public interface Haulier<C> {
        void haul(C cargo) throws Exception;
    }

    /** A consignment that will not be tried again. */
    public record Wreck<C>(C cargo, Fate fate, String remark) {}

    private record Consignment<C>(C cargo, Tariff tariff, Instant deadline, Instant due, int trips) {}

    private final PriorityQueue<Consignment<C>> yard = new PriorityQueue<>(
            Comparator.comparing((Consignment<C> c) -> c.tariff()).thenComparing(Consignment::deadline));
    private final Deque<Wreck<C>> wrecks = new ArrayDeque<>();
    private final Map<Fate, Integer> ledger = new EnumMap<>(Fate.class);
    private final IntFunction<Duration> backoff;
    private final Clock clock;

    public Queue(Clock clock, IntFunction<Duration> backoff) {
        this.clock = Objects.requireNonNull(clock);
        this.backoff = Objects.requireNonNull(backoff);
    }

    /** Takes cargo in; it is due at once. */
    public void load(C cargo, Tariff tariff, Duration allowance) {
        Instant now = clock.instant();
        yard.add(new Consignment<>(cargo, tariff, now.plus(allowance), now, 0));
    }

    public List<Wreck<C>> wrecks() {
        return List.copyOf(wrecks);
    }

    /**
     * Tries each consignment that is due, once.
     *
     * @return the fates met so far, over all polls
     * @throws InterruptedException if the haulier was interrupted; its consignment goes back to the yard
     */
    public Map<Fate, Integer> poll(Haulier<? super C> haulier) throws InterruptedException {
        Deque<Consignment<C>> later = new ArrayDeque<>();
        try {
            while (!yard.isEmpty()) {
                Consignment<C> next = yard.remove();
                Instant now = clock.instant();
                Fate fate;
                String remark = "";
                if (next.due().isAfter(now)) {
                    later.add(next);
                    continue;
                } else if (next.deadline().isBefore(now)) {
                    fate = Fate.OVERDUE;
                    remark = "zu spät um " + Duration.between(next.deadline(), now);
                } else {
                    try {
                        haulier.haul(next.cargo());
                        fate = Fate.ARRIVED;
                    } catch (InterruptedException interrupted) {
                        later.add(next);
                        throw interrupted;
                    } catch (IllegalArgumentException refusal) {
                        fate = Fate.REFUSED;
                        remark = refusal.getMessage();
                    } catch (Exception trouble) {
                        fate = next.trips() + 1 < next.tariff().patience ? Fate.DEFERRED : Fate.ABANDONED;
                        remark = trouble.toString();
                    }
                }
                ledger.merge(fate, 1, Integer::sum);
                switch (fate) {
                    case ARRIVED -> { }
                    case DEFERRED -> {
                        int trips = next.trips() + 1;
                        Instant due = now.plus(backoff.apply(trips));
                        later.add(new Consignment<>(next.cargo(), next.tariff(), next.deadline(), due, trips));
                    }
                    case OVERDUE, REFUSED, ABANDONED -> wrecks.addLast(new Wreck<>(next.cargo(), fate, remark));
                }
            }
        } finally {
            yard.addAll(later);
        }
        return Map.copyOf(ledger);
    }
}
