package dev.example.parcels

import java.util.PriorityQueue
import kotlin.math.pow
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeMark
import kotlin.time.TimeSource
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.delay
import kotlinx.coroutines.withTimeoutOrNull

/** The order of service: the first one declared goes first. */
enum class Service(val label: String) {
    SAME_DAY("当日"),
    NEXT_DAY("翌日"),
    SAVER("お得");

    val isPremium get() = this != SAVER
}

/** What a [Courier] answers. */
sealed interface Receipt {
    data object Signed : Receipt
    data class NobodyHome(val after: Duration? = null) : Receipt
    data class ReturnToSender(val note: String) : Receipt
}

fun interface Courier<in P> {
    suspend fun deliver(parcel: P): Receipt
}

/** Grows from [start] by [factor], up to [most]. */
data class Pace(val start: Duration = 200.milliseconds, val factor: Double = 1.8, val most: Duration = 30.seconds) {
    operator fun get(attempt: Int): Duration = (start * factor.pow(attempt - 1)).coerceAtMost(most)
}

/**
 * Delivers parcels of type [P] through a courier.
 *
 * @property maxAttempts how often a parcel is tried before it is unclaimed
 */
class ParcelQueue<P : Any>(
    private val courier: Courier<P>,
    private val pace: Pace = Pace(),
    val maxAttempts: Int = 4,
    private val time: TimeSource.WithComparableMarks = TimeSource.Monotonic,
) {
    private inner class Slot(val parcel: P, val service: Service, val patience: Duration) {
        private val arrival = time.markNow()
        var due = arrival
        var attempts = 0
        val left get() = patience - arrival.elapsedNow()
    }

    data class Unclaimed<P>(val parcel: P, val why: String)

    private val slots = PriorityQueue<Slot>(compareBy({ it.due }, { it.service }))
    private val shelf = mutableListOf<Unclaimed<P>>()
    private val counts = mutableMapOf<String, Int>().withDefault { 0 }

    val unclaimed: List<Unclaimed<P>> get() = shelf.toList()

    /** `queue += parcel` posts it as a saver with an hour's patience. */
    operator fun plusAssign(parcel: P) = post(parcel, Service.SAVER, 3600.seconds)

    fun post(parcel: P, service: Service, patience: Duration) {
        slots += Slot(parcel, service, patience)
    }

    /** Delivers until no parcel is left; [onEach] hears of every attempt. */
    suspend fun deliverAll(onEach: (P, Receipt?) -> Unit = { _, _ -> }): Map<String, Int> {
        while (true) {
            val slot = slots.poll() ?: break
            fun shelve(why: String) {
                shelf += Unclaimed(slot.parcel, why)
                count("unclaimed")
            }
            fun retry(pause: Duration) {
                if (++slot.attempts >= maxAttempts) {
                    shelve("tried $maxAttempts times (${slot.service.label})")
                    return
                }
                slot.due = time.markNow() + pause
                slots += slot
                count("retried")
            }

            delay(-slot.due.elapsedNow())
            if (!slot.left.isPositive()) {
                shelve("late by ${slot.left.absoluteValue}")
                continue
            }
            val receipt = try {
                withTimeoutOrNull(slot.left) { courier.deliver(slot.parcel) }
            } catch (stop: CancellationException) {
                slots += slot
                throw stop
            } catch (mishap: Exception) {
                Receipt.NobodyHome()
            }
            onEach(slot.parcel, receipt)
            when (receipt) {
                null -> shelve("still under way at the deadline")
                is Receipt.Signed -> {
                    count("signed")
                    if (slot.service.isPremium) count("premium")
                }
                is Receipt.NobodyHome -> retry(receipt.after ?: pace[slot.attempts + 1])
                is Receipt.ReturnToSender -> shelve(receipt.note)
            }
        }
        return counts.toMap()
    }

    private fun count(key: String) = counts.set(key, counts.getValue(key) + 1)
}
