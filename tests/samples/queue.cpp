/// \file
/// Outbox: a thread-safe queue of messages, generic over the payload and the clock.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace outbox {

enum class Lane : unsigned char { express, standard, bulk };

/// How long to wait between two tries; the wait grows by half each time.
template <typename Duration>
struct Backoff {
    Duration first, ceiling;
    unsigned limit = 4;

    /// The wait after `tries` failures, or nothing once the limit is reached.
    [[nodiscard]] constexpr std::optional<Duration> after(unsigned tries) const noexcept {
        if (tries >= limit) return std::nullopt;
        Duration wait = first;
        for (unsigned i = 1; i < tries; ++i) wait = std::min(ceiling, wait + wait / 2);
        return wait;
    }
};

template <typename Payload, typename Clock = std::chrono::steady_clock>
class Outbox {
public:
    using time_point = typename Clock::time_point;

    struct Undelivered { Payload payload; std::string reason; };
    struct Counters { std::size_t accepted{}, sent{}, retries{}; };

    explicit Outbox(Backoff<typename Clock::duration> backoff) : backoff_{backoff} {}
    Outbox(const Outbox&) = delete;
    Outbox& operator=(const Outbox&) = delete;

    /// Queue a payload, of no value after `deadline`.
    void put(Payload payload, time_point deadline, Lane lane = Lane::standard) {
        std::scoped_lock hold{mutex_};
        waiting_.emplace(std::pair{Clock::now(), lane}, Entry{std::move(payload), deadline});
        ++counters_.accepted;
        changed_.notify_one();
    }

    /// Let `run` return once the entry in hand is dealt with.
    void stop() {
        std::scoped_lock hold{mutex_};
        stopping_ = true;
        changed_.notify_all();
    }

    /// A copy of what was given up so far, the oldest first.
    std::vector<Undelivered> undelivered() { std::scoped_lock hold{mutex_}; return dead_; }

    /// Send until stopped; what `send` throws is a failed try.
    /// The lock is not held while `send` runs, so that it may call `put`.
    Counters run(const std::function<void(const Payload&)>& send) {
        std::unique_lock hold{mutex_};
        while (!stopping_) {
            if (waiting_.empty()) {
                changed_.wait(hold);
                continue;
            }
            const auto now = Clock::now();
            if (const auto due = waiting_.begin()->first.first; due > now) {
                changed_.wait_until(hold, due);
                continue;
            }
            const auto end = waiting_.upper_bound({now, Lane::bulk});
            const auto best = std::min_element(waiting_.begin(), end, [](const auto& a, const auto& b) {
                return a.first.second < b.first.second;
            });
            auto node = waiting_.extract(best);
            Entry& entry = node.mapped();
            if (entry.deadline < now) {
                dead_.push_back({std::move(entry.payload), R"(deadline "überschritten")"});
                continue;
            }
            std::optional<std::string> failure;
            hold.unlock();
            try {
                send(entry.payload);
            } catch (const std::exception& error) {
                failure = error.what();
            }
            hold.lock();
            if (!failure) {
                ++counters_.sent;
            } else if (const auto wait = backoff_.after(++entry.tries)) {
                ++counters_.retries;
                node.key().first = Clock::now() + *wait;
                waiting_.insert(std::move(node));
            } else {
                dead_.push_back({std::move(entry.payload), *std::move(failure)});
            }
        }
        return counters_;
    }

private:
    struct Entry { Payload payload; time_point deadline; unsigned tries = 0; };

    std::multimap<std::pair<time_point, Lane>, Entry> waiting_;
    std::vector<Undelivered> dead_;
    Counters counters_;
    Backoff<typename Clock::duration> backoff_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
};

}  // namespace outbox
