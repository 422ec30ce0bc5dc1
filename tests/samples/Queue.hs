{-# LANGUAGE LambdaCase #-}
{-# LANGUAGE NamedFieldPuns #-}
{-# LANGUAGE RecordWildCards #-}

-- |
-- Module      : Dispatch.Queue
-- Description : A pure delivery queue, and a runner that performs what it decides.
module Dispatch.Queue
  ( Priority (..)
  , Task (..)
  , Verdict (..)
  , Queue
  , Summary (..)
  , empty
  , submit
  , runUntilIdle
  ) where

import Control.Concurrent (threadDelay)
import Control.Exception (SomeException, displayException, try)
import Data.Map.Strict (Map)
import qualified Data.Map.Strict as Map
import Data.Time.Clock (NominalDiffTime, UTCTime, addUTCTime, diffUTCTime, getCurrentTime)

-- | How soon a task should run; the first constructor comes first.
data Priority = Urgent | Regular | Lazy
  deriving (Eq, Ord, Show, Enum, Bounded)

-- | Work to do before a deadline, with the failures it has met, the latest first.
data Task a = Task
  { taskLabel :: String
  , taskBody :: a
  , taskDeadline :: UTCTime
  , taskFailures :: [String]
  }
  deriving (Show, Functor)

-- | What a worker makes of a task.
data Verdict = Done | Again String | Never String

-- | Tallies of a run. Two runs add up.
data Summary = Summary {delivered :: !Int, retried :: !Int, lapsed :: !Int}
  deriving (Eq, Show)

instance Semigroup Summary where
  Summary a b c <> Summary x y z = Summary (a + x) (b + y) (c + z)

instance Monoid Summary where
  mempty = Summary 0 0 0

-- | Tasks by priority, due time and serial number.
data Queue a = Queue
  { waiting :: Map (Priority, UTCTime, Int) (Task a)
  , serial :: Int
  , deadLetters :: [Task a]
  }

empty :: Queue a
empty = Queue{waiting = Map.empty, serial = 0, deadLetters = []}

-- | Add a task, not to be run before the time given.
submit :: Priority -> UTCTime -> Task a -> Queue a -> Queue a
submit priority due task q@Queue{waiting, serial} =
  q{waiting = Map.insert (priority, due, serial) task waiting, serial = serial + 1}

-- | Wait after the n-th failure: 0.5 s, 1 s, 2 s … and never more than a minute.
backoff :: Int -> NominalDiffTime
backoff n = min 60 (0.5 * 2 ^ max 0 (n - 1))

-- | Run every task until each is delivered or dead. An exception of the worker counts as 'Again'.
runUntilIdle :: Int -> (a -> IO Verdict) -> Queue a -> IO (Summary, Queue a)
runUntilIdle limit worker = go mempty
  where
    go summary queue@Queue{..}
      | Map.null waiting = pure (summary, queue)
      | otherwise = do
          now <- getCurrentTime
          let isDue (_, due, _) _ = due <= now
              soonest = minimum [due | (_, due, _) <- Map.keys waiting]
          case Map.lookupMin (Map.filterWithKey isDue waiting) of
            Nothing -> do
              threadDelay (ceiling (1e6 * diffUTCTime soonest now))
              go summary queue
            Just (key@(priority, _, _), task)
              | taskDeadline task < now ->
                  go
                    summary{lapsed = lapsed summary + 1}
                    (bury "délai dépassé" task rest)
              | otherwise ->
                  attempt (taskBody task) >>= \case
                    Done ->
                      go
                        summary{delivered = delivered summary + 1}
                        rest
                    Never why ->
                      go
                        summary{lapsed = lapsed summary + 1}
                        (bury why task rest)
                    Again why
                      | length failures >= limit ->
                          go
                            summary{lapsed = lapsed summary + 1}
                            (bury why task rest)
                      | otherwise ->
                          go
                            summary{retried = retried summary + 1}
                            (submit priority later task{taskFailures = failures} rest)
                      where
                        failures = why : taskFailures task
                        later = addUTCTime (backoff (length failures)) now
              where
                rest = queue{waiting = Map.delete key waiting}

    attempt body = either crashed id <$> try (worker body)
    crashed e = Again (displayException (e :: SomeException))
    bury why task q = q{deadLetters = task{taskFailures = why : taskFailures task} : deadLetters q}
