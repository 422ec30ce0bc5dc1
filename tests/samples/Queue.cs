#nullable enable
using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Despatch.Queues;

/// <summary>How pressing a shipment is.</summary>
public enum Urgency { Critical, Normal, Idle }

/// <summary>Something to hand over before <paramref name="Expires"/>.</summary>
/// <param name="Key">Names the shipment; a second one with the same key replaces the first.</param>
public sealed record Shipment<T>(string Key, T Body, DateTimeOffset Expires, Urgency Urgency = Urgency.Normal)
{
    internal int Failures { get; init; }
}

/// <summary>What became of an attempt to hand a shipment over.</summary>
public abstract record Outcome
{
    public sealed record Accepted : Outcome;
    public sealed record Throttled(TimeSpan RetryAfter) : Outcome;
    public sealed record Failed(Exception Cause) : Outcome;
    public sealed record Refused(string Why) : Outcome;
}

/// <summary>Marks a class as a carrier found by scanning the assembly.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class CarrierAttribute(string name) : Attribute { public string Name => name; }

public interface ICarrier<in T>
{
    Task<Outcome> HandOverAsync(string key, T body, CancellationToken cancel);
}

/// <summary>Hands shipments to a carrier, the most urgent first.</summary>
/// <remarks>Not thread-safe; <see cref="DispatchAsync"/> awaits one carrier call at a time.</remarks>
public sealed class DispatchQueue<T>(ICarrier<T> carrier, TimeProvider clock, int maxFailures = 5)
{
    private readonly Dictionary<string, (Shipment<T> Shipment, DateTimeOffset Due)> _pending = new();
    private readonly List<(Shipment<T> Shipment, string Why)> _returned = new();
    private readonly Dictionary<string, int> _tally = new(StringComparer.Ordinal);

    /// <summary>Raised after a shipment has been given up.</summary>
    public event Action<Shipment<T>, string>? Returned;

    public IReadOnlyList<(Shipment<T> Shipment, string Why)> ReturnedToSender => _returned;

    public int this[string outcome] => _tally.GetValueOrDefault(outcome);

    public void Add(Shipment<T> shipment) => _pending[shipment.Key] = (shipment, clock.GetUtcNow());

    /// <summary>Works until nothing is pending.</summary>
    /// <returns>The number of shipments accepted by the carrier.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; what was pending stays so.</exception>
    public async Task<int> DispatchAsync(CancellationToken cancel = default)
    {
        var accepted = 0;
        while (_pending.Count > 0)
        {
            cancel.ThrowIfCancellationRequested();
            var now = clock.GetUtcNow();
            var ready = _pending.Values.Where(p => p.Due <= now).Select(p => p.Shipment).ToList();
            if (ready.Count == 0)
            {
                var pause = _pending.Values.Min(p => p.Due) - now;
                await Task.Delay(pause, clock, cancel).ConfigureAwait(false);
                continue;
            }

            var next = ready.OrderBy(s => s.Urgency).ThenBy(s => s.Expires).First();
            if (next.Expires < now)
            {
                GiveUp(next, $"expired at {next.Expires:O} — trop tard");
                continue;
            }

            Outcome outcome;
            try
            {
                outcome = await carrier.HandOverAsync(next.Key, next.Body, cancel).ConfigureAwait(false);
            }
            catch (Exception cause) when (cause is not OperationCanceledException)
            {
                outcome = new Outcome.Failed(cause);
            }

            _tally[outcome.GetType().Name] = this[outcome.GetType().Name] + 1;
            switch (outcome)
            {
                case Outcome.Accepted:
                    _pending.Remove(next.Key);
                    accepted++;
                    break;
                case Outcome.Throttled { RetryAfter: var wait }:
                    _pending[next.Key] = (next, now + wait);
                    break;
                case Outcome.Failed when next.Failures + 1 < maxFailures:
                    var delay = TimeSpan.FromSeconds(Math.Pow(3, next.Failures));
                    _pending[next.Key] = (next with { Failures = next.Failures + 1 }, now + delay);
                    break;
                default:
                    GiveUp(next, outcome is Outcome.Refused { Why: var why } ? why : "too many failures");
                    break;
            }
        }

        return accepted;
    }

    private void GiveUp(Shipment<T> shipment, string why)
    {
        _pending.Remove(shipment.Key);
        _returned.Add((shipment, why));
        Returned?.Invoke(shipment, why);
    }
}
