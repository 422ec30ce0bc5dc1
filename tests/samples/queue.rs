//! A queue of measurements on their way from a weather station to a server that is often out of reach.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::time::{Duration, Instant};

/// Tries before a measurement is given up.
pub const MAX_TRIES: u32 = 6;
static GREETING: &str = "Wetterstation Zürich-Flughafen: guten Tag; dies ist eine lange Zeile, weil es auch in Rust welche gibt.";

pub type Result<T, E = SendError> = std::result::Result<T, E>;

macro_rules! seconds {
    ($value:expr) => {
        Duration::from_secs($value)
    };
}

/// What a server can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// Worth trying again.
    Unreachable { after: Duration },
    Rejected(String),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { after } => write!(f, "no answer after {} ms", after.as_millis()),
            Self::Rejected(why) => write!(f, "rejected: {why}"),
        }
    }
}

impl std::error::Error for SendError {}

/// Where measurements go.
pub trait Sink {
    type Receipt: fmt::Debug;
    const NAME: &'static str;

    fn send(&mut self, reading: &Reading) -> Result<Self::Receipt>;

    fn describe(&self) -> String {
        format!("{GREETING} ({})", Self::NAME)
    }
}

#[derive(Debug, Clone)]
pub struct Reading {
    pub sensor: String,
    pub temperatur_in_grad: f64,
    pub due: Instant,
    tries: u32,
}

impl PartialEq for Reading {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Reading {}

impl PartialOrd for Reading {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Reading {
    fn cmp(&self, other: &Self) -> Ordering {
        self.due.cmp(&other.due).then_with(|| self.sensor.cmp(&other.sensor))
    }
}

/// Readings by the time they are due; `S` is where they go.
pub struct Queue<S: Sink> {
    sink: S,
    waiting: BinaryHeap<Reverse<Reading>>,
    lost: Vec<(Reading, SendError)>,
    counts: HashMap<&'static str, usize>,
}

impl<S> Queue<S>
where
    S: Sink,
{
    #[must_use]
    pub fn new(sink: S) -> Self {
        Self { sink, waiting: BinaryHeap::new(), lost: Vec::new(), counts: HashMap::new() }
    }

    pub fn push(&mut self, sensor: impl Into<String>, temperatur_in_grad: f64) {
        let reading = Reading { sensor: sensor.into(), temperatur_in_grad, due: Instant::now(), tries: 0 };
        self.waiting.push(Reverse(reading));
    }

    /// Send one reading if one is due; tell whether there was one.
    pub fn step(&mut self, now: Instant) -> bool {
        fn wait(tries: u32) -> Duration {
            seconds!(1u64 << tries.min(8))
        }
        let Some(Reverse(mut reading)) = self.waiting.pop().filter(|Reverse(first)| first.due <= now) else {
            return false;
        };
        reading.tries += 1;
        let outcome = match self.sink.send(&reading) {
            Ok(_) => "sent",
            Err(SendError::Unreachable { .. }) if reading.tries < MAX_TRIES => {
                reading.due = now + wait(reading.tries);
                self.waiting.push(Reverse(reading));
                "retried"
            }
            Err(error) => {
                self.lost.push((reading, error));
                "lost"
            }
        };
        *self.counts.entry(outcome).or_default() += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_happened() {
        assert_eq!(SendError::Rejected("zu kalt".into()).to_string(), "rejected: zu kalt");
    }
}
