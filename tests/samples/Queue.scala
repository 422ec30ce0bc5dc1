package clinic.reminders

import java.time.{Clock, Duration, Instant}
import scala.annotation.tailrec
import scala.collection.immutable.SortedSet
import scala.concurrent.{ExecutionContext, Future}
import scala.util.control.NonFatal

/** Where a reminder is on its way; the order is that of a patient's patience. */
enum Channel(val label: String):
  case Letter extends Channel("Brief")
  case Sms extends Channel("SMS")
  case Call extends Channel("Anruf – nur zwischen acht und achtzehn Uhr, und niemals am Sonntag oder an einem Feiertag")

/** A reminder of one appointment.
  *
  * @param patient how the patient is called, as they spell it
  * @param due     when to send it
  */
final case class Reminder(patient: String, due: Instant, channel: Channel = Channel.Sms, tries: Int = 0):
  def later(pause: Duration): Reminder = copy(due = due.plus(pause), tries = tries + 1)
  lazy val key: String = s"$patient@${due.getEpochSecond}"

object Reminder:
  given byDue: Ordering[Reminder] = Ordering.by(reminder => (reminder.due.toEpochMilli, reminder.key))

sealed trait Outcome
case object Delivered extends Outcome
final case class Failed(why: String, isFinal: Boolean) extends Outcome

trait Gateway {
  type Receipt
  val name: String

  def send(reminder: Reminder)(using ExecutionContext): Future[Either[Failed, Receipt]]
}

class GatewayException(message: String, cause: Throwable | Null = null) extends RuntimeException(message, cause)

object ReminderQueue {
  val MaxTries = 4
  private val Pauses: Vector[Duration] = Vector(1, 5, 30).map(minutes => Duration.ofMinutes(minutes))

  type Counts = Map[String, Int]

  extension (counts: Counts)
    def plusOne(key: String): Counts = counts.updated(key, counts.getOrElse(key, 0) + 1)

  @tailrec
  private def pauseFor(tries: Int, pauses: Vector[Duration] = Pauses): Duration =
    if (pauses.sizeIs <= 1 || tries <= 1) pauses.head
    else pauseFor(tries - 1, pauses.tail)
}

/** Holds reminders until they are due and sends each until it was taken or given up. */
class ReminderQueue(gateway: Gateway, clock: Clock = Clock.systemUTC())(using context: ExecutionContext) {
  import ReminderQueue.*

  private var waiting: SortedSet[Reminder] = SortedSet.empty
  private var counts: Counts = Map.empty
  var störungen: List[(Reminder, String)] = Nil

  def push(reminder: Reminder): this.type = {
    require(reminder.patient.nonEmpty, "a reminder is somebody's")
    waiting += reminder
    this
  }

  def size: Int = waiting.size

  /** Send what is due. */
  def run(): Future[Counts] = {
    val now = clock.instant()
    val (ready, later) = waiting.partition(reminder => !reminder.due.isAfter(now))
    waiting = later

    def settle(reminder: Reminder, outcome: Outcome): Unit = outcome match {
      case Delivered => counts = counts.plusOne("delivered")
      case Failed(why, isFinal) if isFinal || reminder.tries + 1 >= MaxTries =>
        störungen ::= (reminder, why)
        counts = counts.plusOne("lost")
      case Failed(_, _) =>
        waiting += reminder.later(pauseFor(reminder.tries + 1))
        counts = counts.plusOne("retried")
    }

    // One after the other: the gateway counts messages a second and blocks those who send faster.
    ready.foldLeft(Future.unit) { (before, reminder) =>
      for {
        _ <- before
        answer <- gateway.send(reminder).recover { case NonFatal(error) => Left(Failed(error.getMessage, isFinal = false)) }
      } yield settle(reminder, answer.fold(identity, _ => Delivered))
    }.map(_ => counts)
  }
}

object Main {
  def main(arguments: Array[String]): Unit = {
    val names = if (arguments.isEmpty) Array("Frau Müller", "Señor Núñez") else arguments
    names.foreach(name => println(Reminder(name, Instant.EPOCH).key))
  }
}
